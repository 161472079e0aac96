package lambda

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// nodeFiles are the Node.js runtime and the module that CloudFormation gives inline code.
//
//go:embed node/bootstrap.js node/cfn-response.js
var nodeFiles embed.FS

// nodeRuntimes are the Node.js runtimes that run here, each on whatever Node.js this machine has.
//
//nolint:gochecknoglobals // a constant
var nodeRuntimes = []string{"nodejs18.x", "nodejs20.x", "nodejs22.x", "nodejs24.x"}

func (f Function) isNode() bool { return slices.Contains(nodeRuntimes, f.Runtime) }

// runtimeDir stands for /var/runtime of the Node.js runtimes.
func (r *Room) runtimeDir() string { return filepath.Join(r.dir, "runtime") }

// installNode lays the runtime beside the folder of functions' code. The SDK is linked above that folder, where
// require and import look for what a function does not bring itself.
func (r *Room) installNode() error {
	if err := os.MkdirAll(r.runtimeDir(), 0o700); err != nil {
		return fmt.Errorf("make the folder of Lambda's runtime: %w", err)
	}
	program, err := nodeFiles.ReadFile("node/bootstrap.js")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.runtimeDir(), "bootstrap.js"), program, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write Lambda's Node.js runtime: %w", err)
	}
	link := filepath.Join(r.dir, "node_modules")
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the link to the AWS SDK: %w", err)
	}
	if r.SDK == "" {
		return nil
	}
	if err := os.Symlink(filepath.Join(r.SDK, "node_modules"), link); err != nil {
		return fmt.Errorf("link the AWS SDK: %w", err)
	}
	return nil
}

// nodeProgram is the command line of a Node.js function.
func (e *environment) nodeProgram() ([]string, error) {
	node := e.room.Node
	if node == "" {
		var err error
		if node, err = exec.LookPath("node"); err != nil {
			return nil, &launchError{"Runtime.InvalidEntrypoint", fmt.Sprintf(
				"function %s has the runtime %s and this machine has no node in its PATH: install Node.js 20 or newer", e.fn.Name, e.fn.Runtime)}
		}
	}
	return []string{node, filepath.Join(e.room.runtimeDir(), "bootstrap.js")}, nil
}

// nodeVariables are the variables of Lambda's Node.js runtimes (AWS Lambda Developer Guide, "Defined runtime environment
// variables").
func (e *environment) nodeVariables() map[string]string {
	return map[string]string{
		"AWS_EXECUTION_ENV":  "AWS_Lambda_" + e.fn.Runtime,
		"LAMBDA_RUNTIME_DIR": e.room.runtimeDir(),
		"NODE_PATH": e.layerPaths(strings.Join([]string{filepath.Join(e.room.dir, "node_modules"), e.room.runtimeDir(),
			e.room.codeDir(e.fn.CodeSHA256)}, string(os.PathListSeparator)), "nodejs", "node_modules"),
	}
}

// inlineFiles are the files of inline code: the source under the name that the handler index.* has, and CloudFormation's
// module. Source: AWS CloudFormation User Guide, "AWS::Lambda::Function Code", ZipFile.
func inlineFiles(source, runtime string) (map[string]string, error) {
	switch {
	case strings.HasPrefix(runtime, "nodejs"):
		module, err := nodeFiles.ReadFile("node/cfn-response.js")
		return map[string]string{"index.js": source, "cfn-response.js": string(module)}, err
	case strings.HasPrefix(runtime, "python"):
		module, err := pythonFiles.ReadFile("python/cfnresponse.py")
		return map[string]string{"index.py": source, "cfnresponse.py": string(module)}, err
	}
	return nil, errInline
}
