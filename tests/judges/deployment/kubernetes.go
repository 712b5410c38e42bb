package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

// kubernetes judges a Deployment and, after it, Services that find its pods.
// It prints the deployment's pod as JSON, for a test to look into.
func kubernetes(_ string, text []byte) error {
	documents := bytes.Split(text, []byte("\n---\n"))
	var deployment apps.Deployment
	if err := decode(documents[0], &deployment, "apps/v1", "Deployment"); err != nil {
		return err
	}
	template := deployment.Spec.Template
	if !reflect.DeepEqual(deployment.Spec.Selector.MatchLabels, template.Labels) {
		return fmt.Errorf("the selector is not the template's labels")
	}
	if err := restricted(template); err != nil {
		return err
	}
	if err := mounted(template.Spec); err != nil {
		return err
	}
	for _, document := range documents[1:] {
		var service core.Service
		if err := decode(document, &service, "v1", "Service"); err != nil {
			return err
		}
		if err := finds(service, template); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(template.Spec)
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
