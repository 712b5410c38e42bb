package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/schema"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// deepest is how many indexes may lie inside each other.
const deepest = 16

// layout is one OCI image layout under judgement.
type layout struct {
	dir      string
	problems []string
	seen     map[digest.Digest]bool
	blobs    int
	images   int
}

func newLayout(dir string) *layout {
	return &layout{dir: dir, seen: map[digest.Digest]bool{}}
}

func (l *layout) problem(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// check judges the whole layout, from its two files to the last layer.
func (l *layout) check() {
	l.file("oci-layout", schema.ValidatorMediaTypeLayoutHeader)
	l.everyBlob()
	if raw, ok := l.file("index.json", schema.ValidatorMediaTypeImageIndex); ok {
		l.index("index.json", raw, v1.MediaTypeImageIndex, 0)
	}
}

// file reads a file of the layout that has a fixed name and a schema.
func (l *layout) file(name string, validator schema.Validator) ([]byte, bool) {
	raw, err := os.ReadFile(filepath.Join(l.dir, name))
	if err != nil {
		l.problem("%s: %v", name, err)
		return nil, false
	}
	return raw, l.schema(name, raw, validator)
}

// schema holds a document to its JSON schema and to being one JSON value.
func (l *layout) schema(name string, raw []byte, validator schema.Validator) bool {
	if !json.Valid(raw) {
		l.problem("%s: not one JSON value", name)
		return false
	}
	if err := validator.Validate(bytes.NewReader(raw)); err != nil {
		l.problem("%s: %v", name, err)
		return false
	}
	return true
}

// everyBlob compares the content of all files under blobs/ with their names,
// also of those that nothing refers to.
func (l *layout) everyBlob() {
	root := filepath.Join(l.dir, "blobs")
	algorithms, err := os.ReadDir(root)
	if err != nil {
		l.problem("blobs: %v", err)
		return
	}
	for _, algorithm := range algorithms {
		entries, err := os.ReadDir(filepath.Join(root, algorithm.Name()))
		if err != nil {
			l.problem("blobs/%s: %v", algorithm.Name(), err)
			continue
		}
		for _, entry := range entries {
			l.namedBlob(algorithm.Name(), entry)
		}
	}
}

func (l *layout) namedBlob(algorithm string, entry os.DirEntry) {
	name := fmt.Sprintf("blobs/%s/%s", algorithm, entry.Name())
	if !entry.Type().IsRegular() {
		l.problem("%s: not a regular file", name)
		return
	}
	want := digest.NewDigestFromEncoded(digest.Algorithm(algorithm), entry.Name())
	if err := want.Validate(); err != nil {
		l.problem("%s: the name is not a digest: %v", name, err)
		return
	}
	file, err := os.Open(filepath.Join(l.dir, name))
	if err != nil {
		l.problem("%s: %v", name, err)
		return
	}
	defer file.Close()
	got, err := want.Algorithm().FromReader(file)
	if err != nil {
		l.problem("%s: %v", name, err)
	} else if got != want {
		l.problem("%s: the content is %s", name, got)
	}
	l.blobs++
}

// path is where a descriptor's blob lies; the descriptor is judged first.
func (l *layout) path(where string, d v1.Descriptor) (string, bool) {
	raw, err := json.Marshal(d)
	if err != nil || !l.schema(where, raw, schema.ValidatorMediaTypeDescriptor) {
		return "", false
	}
	if err := d.Digest.Validate(); err != nil {
		l.problem("%s: %v", where, err)
		return "", false
	}
	path := filepath.Join(l.dir, "blobs", d.Digest.Algorithm().String(), d.Digest.Encoded())
	info, err := os.Lstat(path)
	if err != nil {
		l.problem("%s: blob %s is missing", where, d.Digest)
		return "", false
	}
	if info.Size() != d.Size {
		l.problem("%s: blob %s has %d bytes, the descriptor says %d", where, d.Digest, info.Size(), d.Size)
	}
	return path, true
}

// document reads a descriptor's blob whole and holds it to a schema. A wrong
// digest has been reported by everyBlob already.
func (l *layout) document(where string, d v1.Descriptor, validator schema.Validator) ([]byte, bool) {
	path, ok := l.path(where, d)
	if !ok {
		return nil, false
	}
	file, err := os.Open(path)
	if err != nil {
		l.problem("%s: %v", where, err)
		return nil, false
	}
	defer file.Close()
	raw, err := io.ReadAll(file)
	if err != nil {
		l.problem("%s: %v", where, err)
		return nil, false
	}
	return raw, l.schema(where, raw, validator)
}

// index walks the manifests of index.json or of an image index.
func (l *layout) index(where string, raw []byte, mediaType string, depth int) {
	var index v1.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		l.problem("%s: %v", where, err)
		return
	}
	if index.MediaType != "" && index.MediaType != mediaType {
		l.problem("%s: calls itself %s, its descriptor %s", where, index.MediaType, mediaType)
	}
	if depth > deepest {
		l.problem("%s: more than %d indexes deep", where, deepest)
		return
	}
	for i, d := range index.Manifests {
		l.entry(fmt.Sprintf("%s: manifests[%d]", where, i), d, depth)
	}
	l.tags(where, index.Manifests)
}

// entry judges what one line of an index refers to.
func (l *layout) entry(where string, d v1.Descriptor, depth int) {
	// The same image may be listed twice, with another platform each time.
	again := l.seen[d.Digest]
	l.seen[d.Digest] = true
	switch d.MediaType {
	case v1.MediaTypeImageIndex:
		if again {
			return
		}
		if raw, ok := l.document(where, d, schema.ValidatorMediaTypeImageIndex); ok {
			l.index(d.Digest.String(), raw, d.MediaType, depth+1)
		}
	case v1.MediaTypeImageManifest:
		if raw, ok := l.document(where, d, schema.ValidatorMediaTypeManifest); ok {
			l.manifest(d, raw)
		}
	default:
		if _, ok := l.path(where, d); ok {
			l.problem("%s: media type %q is neither an index nor a manifest", where, d.MediaType)
		}
	}
}

// tags refuses two entries of one index with the same name and platform.
func (l *layout) tags(where string, manifests []v1.Descriptor) {
	count := map[string]int{}
	for _, d := range manifests {
		name, ok := d.Annotations[v1.AnnotationRefName]
		if !ok {
			continue
		}
		if d.Platform != nil {
			name += " " + platform(*d.Platform)
		}
		count[name]++
	}
	names := make([]string, 0, len(count))
	for name := range count {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if count[name] > 1 {
			l.problem("%s: %d entries are named %q", where, count[name], name)
		}
	}
}

func platform(p v1.Platform) string {
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return text
}
