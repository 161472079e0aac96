package tokendocker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// environment is what the tests' JavaScript process needs. CDK's own template rules cost some seconds and half a
// gigabyte; TestExample has them on.
var environment = []string{"CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"}

// TestMain starts over with the environment, which jsii hands to JavaScript before any code of ours runs. The tests
// share one JavaScript process, which takes one call at a time: none of them is parallel.
func TestMain(m *testing.M) {
	if os.Getenv("CDK_VALIDATION") == "" {
		self, err := os.Executable()
		if err == nil {
			err = syscall.Exec(self, os.Args, append(os.Environ(), environment...))
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// newStack makes an app with one stack.
func newStack(t *testing.T) awscdk.Stack {
	t.Helper()
	return awscdk.NewStack(newApp(t), jsii.String("S"), nil)
}

func newApp(t *testing.T) awscdk.App {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Node and the CDK")
	}
	return awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(t.TempDir()), AnalyticsReporting: jsii.Bool(false)})
}

// newContext makes a build context of files.
func newContext(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// smallContext is a context where it does not matter what is in it.
const smallContext = "testdata/context"

func newBuilder(scope constructs.Construct, id string, args map[string]*string) TokenInjectableDockerBuilder {
	return NewTokenInjectableDockerBuilder(scope, jsii.String(id), &TokenInjectableDockerBuilderProps{
		Path: jsii.String(smallContext), BuildArgs: &args,
	})
}

// resource is a resource of a template.
type resource struct {
	Type                                string
	Properties                          map[string]any
	DependsOn                           []string
	DeletionPolicy, UpdateReplacePolicy string
}

// template synthesizes the app of a stack and gives the stack's template.
func template(t *testing.T, stack awscdk.Stack) (map[string]resource, string) {
	t.Helper()
	data, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct{ Resources map[string]resource }
	if err := json.Unmarshal(data, &parsed); err != nil {
		t.Fatal(err)
	}
	return parsed.Resources, string(data)
}

// ofType selects the resources of a type.
func ofType(resources map[string]resource, kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// only is the one resource of a type.
func only(t *testing.T, resources map[string]resource, kind string) (string, resource) {
	t.Helper()
	found := ofType(resources, kind)
	if len(found) != 1 {
		t.Fatalf("the template has %d resources of type %s, want one", len(found), kind)
	}
	for id, r := range found {
		return id, r
	}
	panic("unreachable")
}

// synthError is the text with which an app does not synthesize.
func synthError(t *testing.T, stack awscdk.Stack) (text string) {
	t.Helper()
	defer func() {
		switch caught := recover().(type) {
		case nil:
			t.Fatal("the app synthesizes")
		case error:
			text = caught.Error()
		default:
			t.Fatalf("panic with %T %v", caught, caught)
		}
	}()
	stack.Node().Root().(awscdk.App).Synth(nil)
	return ""
}

func one(t *testing.T, text, want string) {
	t.Helper()
	if n := strings.Count(text, want); n != 1 {
		t.Errorf("%q stands %d times in:\n%s", want, n, text)
	}
}
