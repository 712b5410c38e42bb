module inflate

go 1.25
