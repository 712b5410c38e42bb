package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/schema"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// manifest judges one image manifest with its config and its layers.
func (l *layout) manifest(d v1.Descriptor, raw []byte) {
	where := d.Digest.String()
	var manifest v1.Manifest
	if err := json.Unmarshal(raw, &manifest); err != nil {
		l.problem("%s: %v", where, err)
		return
	}
	if manifest.MediaType != "" && manifest.MediaType != d.MediaType {
		l.problem("%s: calls itself %s, its descriptor %s", where, manifest.MediaType, d.MediaType)
	}
	if manifest.Config.MediaType != v1.MediaTypeImageConfig {
		l.artifact(where, manifest)
		return
	}
	l.images++
	config, ok := l.config(where, manifest.Config)
	if !ok {
		return
	}
	if d.Platform != nil {
		l.samePlatform(where, *d.Platform, config.Platform)
	}
	diffIDs := config.RootFS.DiffIDs
	if len(diffIDs) != len(manifest.Layers) {
		l.problem("%s: %d layers, but %d diff_ids", where, len(manifest.Layers), len(diffIDs))
		return
	}
	for i, layer := range manifest.Layers {
		l.layer(fmt.Sprintf("%s: layers[%d]", where, i), layer, diffIDs[i])
	}
	l.history(where, config)
}

// artifact judges a manifest that is no image: only that its blobs are there.
func (l *layout) artifact(where string, manifest v1.Manifest) {
	if manifest.ArtifactType == "" && manifest.Config.MediaType == v1.MediaTypeEmptyJSON {
		l.problem("%s: an empty config without artifactType", where)
	}
	l.path(where+": config", manifest.Config)
	for i, layer := range manifest.Layers {
		l.path(fmt.Sprintf("%s: layers[%d]", where, i), layer)
	}
}

func (l *layout) config(where string, d v1.Descriptor) (v1.Image, bool) {
	var config v1.Image
	raw, ok := l.document(where+": config", d, schema.ValidatorMediaTypeImageConfig)
	if !ok {
		return config, false
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		l.problem("%s: config: %v", where, err)
		return config, false
	}
	if config.RootFS.Type != "layers" {
		l.problem("%s: config: rootfs.type is %q", where, config.RootFS.Type)
	}
	return config, true
}

func (l *layout) samePlatform(where string, index, config v1.Platform) {
	if index.OS != config.OS || index.Architecture != config.Architecture || index.Variant != config.Variant {
		l.problem("%s: the index says %s, the config %s", where, platform(index), platform(config))
	}
}

// history, where it is written, has one entry with content for each layer.
func (l *layout) history(where string, config v1.Image) {
	if len(config.History) == 0 {
		return
	}
	full := 0
	for _, entry := range config.History {
		if !entry.EmptyLayer {
			full++
		}
	}
	if full != len(config.RootFS.DiffIDs) {
		l.problem("%s: history speaks of %d layers, there are %d", where, full, len(config.RootFS.DiffIDs))
	}
}

// layer compares a decompressed layer with its diff_id and reads it as tar.
func (l *layout) layer(where string, d v1.Descriptor, want digest.Digest) {
	path, ok := l.path(where, d)
	if !ok {
		return
	}
	if err := want.Validate(); err != nil {
		l.problem("%s: diff_id: %v", where, err)
		return
	}
	stream, err := decompressed(path, d.MediaType)
	if err != nil {
		l.problem("%s: %v", where, err)
		return
	}
	defer stream.Close()
	digester := want.Algorithm().Digester()
	tee := io.TeeReader(stream, digester.Hash())
	if err := readTar(tee); err != nil {
		l.problem("%s: tar: %v", where, err)
	}
	// What follows the tar's end still belongs to the diff_id.
	if _, err := io.Copy(io.Discard, tee); err != nil {
		l.problem("%s: %v", where, err)
		return
	}
	if got := digester.Digest(); got != want {
		l.problem("%s: unpacks to %s, the diff_id is %s", where, got, want)
	}
}

func readTar(stream io.Reader) error {
	archive := tar.NewReader(stream)
	seen := map[string]bool{}
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(header.Name, "/")
		if seen[name] {
			return fmt.Errorf("two entries are named %q", name)
		}
		seen[name] = true
		if _, err := io.Copy(io.Discard, archive); err != nil {
			return fmt.Errorf("%q: %w", header.Name, err)
		}
	}
}

// decompressed opens a layer by its media type. zstd, which Go's standard
// library lacks, is left to the zstd program.
func decompressed(path, mediaType string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	switch mediaType {
	case v1.MediaTypeImageLayer:
		return file, nil
	case v1.MediaTypeImageLayerGzip:
		stream, err := gzip.NewReader(bufio.NewReader(file))
		if err != nil {
			file.Close()
			return nil, err
		}
		return &closeBoth{stream, file}, nil
	case v1.MediaTypeImageLayerZstd:
		defer file.Close()
		return zstd(path)
	default:
		file.Close()
		return nil, fmt.Errorf("media type %q is not a layer of the specification", mediaType)
	}
}

type closeBoth struct {
	io.ReadCloser
	file *os.File
}

func (c *closeBoth) Close() error {
	return errors.Join(c.ReadCloser.Close(), c.file.Close())
}

func zstd(path string) (io.ReadCloser, error) {
	command := exec.Command("zstd", "--decompress", "--stdout", "--memory=128MB", "--", path)
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return io.NopCloser(strings.NewReader(string(out))), nil
}
