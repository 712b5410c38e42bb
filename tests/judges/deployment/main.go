// Command deployment judges what `hardpan inspect --runtime` prints, with the
// code of those who will read it. It shares none with hardpan.
//
//	deployment kubernetes FILE   strictly decodes each document as its kind
//	                             (unknown and duplicate fields are errors),
//	                             holds the pods to the standard "restricted",
//	                             and the other objects to their pods
//	deployment compose FILE      loads the file as Compose does, with its schema
//	deployment quadlet FILE      turns the unit into a service as podman's
//	                             generator does; prints podman's arguments, one
//	                             a line
//
// One problem a line on standard error; exit status 1 when there is one, 2
// when the judge could not judge.
package main

import (
	"fmt"
	"os"
)

func main() {
	judges := map[string]func(path string, text []byte) error{
		"kubernetes": kubernetes,
		"compose":    compose,
		"quadlet":    container,
	}
	if len(os.Args) != 3 || judges[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: deployment kubernetes|compose|quadlet FILE")
		os.Exit(2)
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if err := judges[os.Args[1]](os.Args[2], text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
