package x; import "C"
/*/ import "no" */ import größe "a/b"
var s = "unclosed
//go:embed \x
