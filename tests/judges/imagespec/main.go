// Command imagespec holds an OCI image layout to the specification's own
// schemas and to what the schemas cannot say: every blob's digest and size,
// the diff_ids of the layers, the platforms. It shares no code with hardpan.
//
//	imagespec LAYOUT_DIR
//
// One problem a line on standard output; exit status 0 when there is none,
// 1 when there is one, 2 when the judge could not judge.
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: imagespec LAYOUT_DIR")
		os.Exit(2)
	}
	if info, err := os.Stat(os.Args[1]); err != nil || !info.IsDir() {
		fmt.Fprintf(os.Stderr, "imagespec: %s is not a folder\n", os.Args[1])
		os.Exit(2)
	}
	l := newLayout(os.Args[1])
	l.check()
	for _, problem := range l.problems {
		fmt.Println(problem)
	}
	if len(l.problems) > 0 {
		os.Exit(1)
	}
	fmt.Printf("ok: %d blobs, %d images\n", l.blobs, l.images)
}
