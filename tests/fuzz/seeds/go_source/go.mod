module example.com/app // the app

go 1.25.0
toolchain go1.25.3

require (
	golang.org/x/sys v0.30.0 // indirect
	"example.com/lib" v0.0.0-20260101000000-abcdef012345
)
replace example.com/lib => ../lib
replace example.com/x v1 => example.com/y v2
exclude example.com/z v1.0.0
retract [v1.0.0, v1.9.9] // broken
tool example.com/cmd
