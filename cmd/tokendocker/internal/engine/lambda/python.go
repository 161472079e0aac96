package lambda

import (
	"bytes"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// pythonFiles are the Python runtime and the module that CloudFormation gives inline code.
//
//go:embed python/bootstrap.py python/cfnresponse.py
var pythonFiles embed.FS

// isPython reports whether the function is one of Python's; each runs on whatever Python this machine has.
func (f Function) isPython() bool { return strings.HasPrefix(f.Runtime, "python3.") }

// installPython lays the runtime beside the folder of functions' code.
func (r *Room) installPython() error {
	program, err := pythonFiles.ReadFile("python/bootstrap.py")
	if err == nil {
		err = os.WriteFile(filepath.Join(r.runtimeDir(), "bootstrap.py"), program, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write Lambda's Python runtime: %w", err)
	}
	return nil
}

// interpreter is the path of this machine's Python: that of the runtime's version where there is one, else python3. It
// is asked for its own path, since what stands in PATH may be a script that needs the environment of this process.
func (r *Room) interpreter(runtime string) (string, error) {
	if known, ok := r.pythons.Load(runtime); ok {
		return known.(string), nil //nolint:forcetypeassert // nothing else is stored
	}
	for _, name := range []string{r.Python, runtime, "python3"} {
		if name == "" {
			continue
		}
		var out bytes.Buffer
		cmd := exec.CommandContext(r.ctx, name, "-c", "import sys; print(sys.executable)") //nolint:gosec // one of three names
		cmd.Stdout = &out
		if cmd.Run() == nil && out.Len() > 1 {
			python := strings.TrimSpace(out.String())
			r.pythons.Store(runtime, python)
			return python, nil
		}
	}
	return "", fmt.Errorf("this machine has no python3 in its PATH")
}

// pythonProgram is the command line of a Python function: unbuffered, without the user's own packages, and leaving
// nothing in the folder of the code, which environments share.
func (e *environment) pythonProgram() ([]string, error) {
	python, err := e.room.interpreter(e.fn.Runtime)
	if err != nil {
		return nil, &launchError{"Runtime.InvalidEntrypoint", fmt.Sprintf(
			"function %s has the runtime %s and %v: install Python 3.9 or newer", e.fn.Name, e.fn.Runtime, err)}
	}
	return []string{python, "-u", "-s", "-B", filepath.Join(e.room.runtimeDir(), "bootstrap.py")}, nil
}

// pythonVariables are the variables of Lambda's Python runtimes (AWS Lambda Developer Guide, "Defined runtime
// environment variables", "Packaging your layer content").
func (e *environment) pythonVariables() map[string]string {
	var paths []string
	for _, dir := range e.layerDirs() {
		paths = append(paths, filepath.Join(dir, "python"), filepath.Join(dir, "python", "lib", e.fn.Runtime, "site-packages"))
	}
	return map[string]string{
		"AWS_EXECUTION_ENV": "AWS_Lambda_" + e.fn.Runtime, "LAMBDA_RUNTIME_DIR": e.room.runtimeDir(),
		"PYTHONPATH": strings.Join(paths, string(os.PathListSeparator)),
	}
}
