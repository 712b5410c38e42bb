package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// set is what the documents of one image are about: a Deployment, and what
// comes after it up to the next one.
type set struct {
	deployment apps.Deployment
	claims     map[string]bool
	policies   int
}

// kubernetes judges Deployments, and after each its Service, its claims and
// its network policy, which have to fit its pods. It prints the pod of each
// deployment as JSON, for a test to look into.
func kubernetes(_ string, text []byte) error {
	var sets []*set
	names := map[string]bool{}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		var named struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if err := yaml.Unmarshal(document, &named); err != nil {
			return err
		}
		object := fmt.Sprintf("%s %s/%s", named.Kind, named.Metadata.Namespace, named.Metadata.Name)
		if names[object] {
			return fmt.Errorf("%s is there twice", object)
		}
		names[object] = true
		if named.Kind == "Deployment" {
			one := set{claims: map[string]bool{}}
			if err := one.begin(document); err != nil {
				return err
			}
			sets = append(sets, &one)
			continue
		}
		if len(sets) == 0 {
			return fmt.Errorf("%s is before the first deployment", object)
		}
		one := sets[len(sets)-1]
		if one.deployment.Namespace != named.Metadata.Namespace {
			return fmt.Errorf("%s is in another namespace than its deployment", object)
		}
		if err := one.add(named.Kind, document); err != nil {
			return err
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	for _, one := range sets {
		if err := one.end(); err != nil {
			return err
		}
		if err := encoder.Encode(one.deployment.Spec.Template.Spec); err != nil {
			return err
		}
	}
	return nil
}

func (one *set) begin(document []byte) error {
	if err := decode(document, &one.deployment, "apps/v1", "Deployment"); err != nil {
		return err
	}
	template := one.deployment.Spec.Template
	if !reflect.DeepEqual(one.deployment.Spec.Selector.MatchLabels, template.Labels) {
		return fmt.Errorf("the selector is not the template's labels")
	}
	if err := restricted(template); err != nil {
		return err
	}
	return mounted(template.Spec)
}

func (one *set) add(kind string, document []byte) error {
	template := one.deployment.Spec.Template
	switch kind {
	case "Service":
		var service core.Service
		if err := decode(document, &service, "v1", kind); err != nil {
			return err
		}
		return finds(service, template)
	case "PersistentVolumeClaim":
		var claim core.PersistentVolumeClaim
		if err := decode(document, &claim, "v1", kind); err != nil {
			return err
		}
		if claim.Spec.Resources.Requests.Storage().Sign() <= 0 || len(claim.Spec.AccessModes) != 1 {
			return fmt.Errorf("the claim %s has no size or not one access mode", claim.Name)
		}
		one.claims[claim.Name] = false
		return nil
	case "NetworkPolicy":
		var network networking.NetworkPolicy
		if err := decode(document, &network, "networking.k8s.io/v1", kind); err != nil {
			return err
		}
		one.policies++
		return admits(network, template)
	}
	return fmt.Errorf("an object of kind %s", kind)
}

// end wants a claim for each volume that needs one and the other way round, and
// one network policy.
func (one *set) end() error {
	for _, volume := range one.deployment.Spec.Template.Spec.Volumes {
		source := volume.PersistentVolumeClaim
		if source == nil {
			continue
		}
		if _, known := one.claims[source.ClaimName]; !known {
			return fmt.Errorf("there is no claim %s", source.ClaimName)
		}
		one.claims[source.ClaimName] = true
	}
	for name, used := range one.claims {
		if !used {
			return fmt.Errorf("the claim %s is not used", name)
		}
	}
	if len(one.claims) > 0 && one.deployment.Spec.Strategy.Type != apps.RecreateDeploymentStrategyType {
		return fmt.Errorf("two pods would claim one volume during an update")
	}
	if one.policies != 1 {
		return fmt.Errorf("%d network policies", one.policies)
	}
	return nil
}

// admits wants a network policy to be about the pods, and to let in what the
// container listens for and nothing else.
func admits(network networking.NetworkPolicy, template core.PodTemplateSpec) error {
	if !reflect.DeepEqual(network.Spec.PodSelector.MatchLabels, template.Labels) {
		return fmt.Errorf("the network policy is not about the pods")
	}
	if !reflect.DeepEqual(network.Spec.PolicyTypes, []networking.PolicyType{networking.PolicyTypeIngress}) {
		return fmt.Errorf("the network policy is not one of ingress")
	}
	open := map[string]bool{}
	for _, rule := range network.Spec.Ingress {
		if len(rule.Ports) == 0 {
			return fmt.Errorf("the network policy lets everything in")
		}
		for _, port := range rule.Ports {
			open[fmt.Sprintf("%d/%s", port.Port.IntVal, *port.Protocol)] = true
		}
	}
	declared := map[string]bool{}
	for _, port := range template.Spec.Containers[0].Ports {
		declared[fmt.Sprintf("%d/%s", port.ContainerPort, port.Protocol)] = true
	}
	if !reflect.DeepEqual(open, declared) {
		return fmt.Errorf("the network policy opens %v, and the container listens on %v", open, declared)
	}
	return nil
}

func decode(text []byte, into any, version, kind string) error {
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return err
	}
	var named struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(text, &named); err != nil {
		return err
	}
	if named.APIVersion != version || named.Kind != kind {
		return fmt.Errorf("%s %s, not %s %s", named.APIVersion, named.Kind, version, kind)
	}
	return nil
}

// restricted is the Pod Security Standard, as the admission controller has it.
func restricted(template core.PodTemplateSpec) error {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks())
	if err != nil {
		return err
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	results := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &template.ObjectMeta, &template.Spec))
	if !results.Allowed {
		return fmt.Errorf("not restricted: %s", results.ForbiddenDetail())
	}
	for _, container := range template.Spec.Containers {
		context := container.SecurityContext
		if context.ReadOnlyRootFilesystem == nil || !*context.ReadOnlyRootFilesystem {
			return fmt.Errorf("the root file system of %s is writable", container.Name)
		}
	}
	return nil
}

// mounted wants a volume for each mount and a mount for each volume.
func mounted(pod core.PodSpec) error {
	volumes := map[string]bool{}
	for _, volume := range pod.Volumes {
		if _, again := volumes[volume.Name]; again {
			return fmt.Errorf("two volumes are named %s", volume.Name)
		}
		volumes[volume.Name] = false
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if _, known := volumes[mount.Name]; !known {
			return fmt.Errorf("no volume is named %s", mount.Name)
		}
		volumes[mount.Name] = true
	}
	for name, used := range volumes {
		if !used {
			return fmt.Errorf("the volume %s is not mounted", name)
		}
	}
	return nil
}

// finds wants the service's selector and ports to be those of the pods.
func finds(service core.Service, template core.PodTemplateSpec) error {
	for key, value := range service.Spec.Selector {
		if template.Labels[key] != value {
			return fmt.Errorf("the service selects %s=%s, which no pod is", key, value)
		}
	}
	named := map[string]core.ContainerPort{}
	for _, port := range template.Spec.Containers[0].Ports {
		named[port.Name] = port
	}
	for _, port := range service.Spec.Ports {
		target, known := named[port.TargetPort.StrVal]
		if !known || target.ContainerPort != port.Port || target.Protocol != port.Protocol {
			return fmt.Errorf("the service's port %s leads nowhere", port.Name)
		}
	}
	return nil
}
