package lambda

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// maxLayers is how many layers a function may have (AWS Lambda Developer Guide, "Lambda quotas").
const maxLayers = 5

// layer is a version of a layer that a stack made.
type layer struct{ CodeSHA256 string }

// layersOf returns the contents of the layers that a function names, in its order. Layers that nobody made here, such as
// those that AWS and others publish, have none.
func (r *Room) layersOf(p map[string]any) ([]string, error) {
	named := list(p, "Layers")
	if len(named) > maxLayers {
		return nil, protocol.Errorf("InvalidParameterValueException", "Function cannot reference more than %d layers", maxLayers)
	}
	var contents []string
	for _, arn := range named {
		l, found, err := r.layers.Get(fmt.Sprint(arn))
		if err != nil {
			return nil, err
		}
		if found {
			contents = append(contents, l.CodeSHA256)
		}
	}
	return contents, nil
}

// layerDirs are the folders of the function's layers, the last layer first, as its files hide those of earlier ones.
func (e *environment) layerDirs() []string {
	var dirs []string
	for _, sha := range slices.Backward(e.fn.Layers) {
		dirs = append(dirs, e.room.codeDir(sha))
	}
	return dirs
}

// layerPaths puts the layers' folders before what a variable lists.
func (e *environment) layerPaths(list string, folder ...string) string {
	var paths []string
	for _, dir := range e.layerDirs() {
		paths = append(paths, filepath.Join(append([]string{dir}, folder...)...))
	}
	if list != "" {
		paths = append(paths, list)
	}
	return strings.Join(paths, ":")
}

// dropFiles removes the packages of a function that is gone or has others now.
func (r *Room) dropFiles(f Function) error {
	failed := []error{r.dropCode(f.CodeSHA256)}
	for _, sha := range f.Layers {
		failed = append(failed, r.dropCode(sha))
	}
	return errors.Join(failed...)
}

// layerProvider is AWS::Lambda::LayerVersion. Ref is the version's ARN. Its files are found by the paths of each runtime,
// and below /opt where this machine allows a mount for one process.
type layerProvider struct{ room *Room }

// Immutable returns all properties: a layer's version is never changed.
func (layerProvider) Immutable() []string {
	return []string{"Content", "LayerName", "CompatibleRuntimes", "CompatibleArchitectures", "Description", "LicenseInfo"}
}

// Create keeps the layer's content.
func (p layerProvider) Create(ctx context.Context, q resource.Request) (resource.Result, error) {
	name := text(q.Properties, "LayerName")
	if name == "" {
		name = physical.Logical(q, 140)
	}
	sha, _, err := p.room.loadCode(ctx, object(q.Properties, "Content"), "")
	if err != nil {
		return resource.Result{}, err
	}
	prefix := fmt.Sprintf("arn:%s:lambda:%s:%s:layer:%s:", q.Stack.Partition, q.Stack.Region, q.Stack.Account, name)
	number := 1
	for {
		arn := fmt.Sprint(prefix, number)
		if _, taken, err := p.room.layers.Get(arn); err != nil {
			return resource.Result{}, err
		} else if !taken {
			return resource.Result{PhysicalID: arn, Attributes: map[string]any{"LayerVersionArn": arn}}, p.room.layers.Put(arn, layer{CodeSHA256: sha})
		}
		number++
	}
}

// Update changes nothing: all properties are immutable.
func (layerProvider) Update(_ context.Context, q resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: q.PhysicalID, Attributes: q.Attributes}, nil
}

// Delete forgets the version; functions that have it keep its files.
func (p layerProvider) Delete(_ context.Context, q resource.Request) error {
	l, found, err := p.room.layers.Get(q.PhysicalID)
	if err != nil || !found {
		return err
	}
	if err := p.room.layers.Delete(q.PhysicalID); err != nil {
		return err
	}
	return p.room.dropCode(l.CodeSHA256)
}
