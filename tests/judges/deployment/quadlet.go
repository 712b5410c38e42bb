package main

import (
	"fmt"

	"github.com/containers/podman/v5/pkg/systemd/parser"
	"github.com/containers/podman/v5/pkg/systemd/quadlet"
)

// container turns a .container unit into a service with podman's own code,
// which refuses keys and values it does not know, and prints the command that
// the service starts.
func container(path string, _ []byte) error {
	unit, err := parser.ParseUnitFile(path)
	if err != nil {
		return err
	}
	units := map[string]*quadlet.UnitInfo{unit.Filename: {ServiceName: "judged"}}
	service, err := quadlet.ConvertContainer(unit, false, units)
	if err != nil {
		return err
	}
	words, found := service.LookupLastArgs(quadlet.ServiceGroup, "ExecStart")
	if !found {
		return fmt.Errorf("the service starts nothing")
	}
	for _, word := range words {
		fmt.Println(word)
	}
	return nil
}
