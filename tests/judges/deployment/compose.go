package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose loads the file as Compose does: schema, interpolation, consistency.
// It prints the services as JSON.
func compose(path string, text []byte) error {
	details := types.ConfigDetails{
		WorkingDir:  "/",
		ConfigFiles: []types.ConfigFile{{Filename: path, Content: text}},
		Environment: types.Mapping{},
	}
	project, err := loader.LoadWithContext(context.Background(), details, func(options *loader.Options) {
		options.SetProjectName("judged", true)
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(project.Services)
}
