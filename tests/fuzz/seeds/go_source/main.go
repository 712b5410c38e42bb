//go:build linux && !cgo

/* A program. */
package main

import "embed"
import (
	"fmt" // why
	_ `os/exec`
	. "math"; log "example.com/log/v2"
)

//go:embed static/css/*.css index.html
//go:embed all:web "with blank"
var files embed.FS

var version, commit = "dev", `none`
var Name string = "größe"
const (
	A = iota
	B
)
type Server struct{ *base; Addr string }
type Option = func(*Server) error
func init() { sql.RegisterDriver("x", nil) }
func (s *Server) Run(ctx context.Context) error { return fmt.Errorf("a %q", '\'') }
func (Set[K, V]) Add[K comparable, V any](k K) {}
func main() { println(`raw "text"`) }
