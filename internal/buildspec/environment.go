package buildspec

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// stored is the file that the first prologue writes and every prologue reads. It stands beside the build context, under
// a variable that no user may set.
const stored = `"$CODEBUILD_SRC_DIR.environment"`

// store and load make a prologue: load exports each NAME=VALUE of the stored file byte for byte. Both are one line of
// shell that holds no value, and neither leaves shell options behind.
const (
	store = `base64 -d <<<'{{data}}' | gzip -dc >` + stored + " || exit\n"
	load  = `while IFS= read -r -d '' tokendocker_pair; do export "$tokendocker_pair" || exit; done <` + stored
)

// prologue gives the command that loads pairs of NAME=VALUE into the shell's environment. The first one of a build
// brings the data along; for later ones it has been stored.
func prologue(pairs []string, again bool) (string, error) {
	if again {
		return load, nil
	}
	data, err := pack(pairs)
	if err != nil {
		return "", err
	}
	return strings.Replace(store, "{{data}}", data, 1) + load, nil
}

// exported gives NAME=VALUE for everything that the user's commands find in their environment: every build argument
// whose name a shell can hold and that does not change the build itself, and the request's own environment, which
// wins. There a name that would change the build is an error, since it cannot do what it says.
func exported(r contract.Request) ([]string, error) {
	own := map[string]bool{}
	for _, variable := range r.Environment {
		if Reserved(variable.Name) {
			return nil, fmt.Errorf("the environment variable %q would change the build itself; give it another name", variable.Name)
		}
		own[variable.Name] = true
	}
	var pairs []string
	for _, argument := range r.Args {
		if !contract.ShellName.MatchString(argument.Name) || Reserved(argument.Name) || own[argument.Name] {
			continue
		}
		value, err := argument.Bytes()
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, argument.Name+"="+string(value))
	}
	for _, variable := range r.Environment {
		value, err := variable.Bytes()
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, variable.Name+"="+string(value))
	}
	return pairs, nil
}

// reserved are names that change how the shell, the loader, docker, the AWS CLI or CodeBuild itself behave, and those
// that bash does not let anybody set. As build arguments they reach the Dockerfile all the same.
var reserved = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`PATH`, `HOME`, `SHELL`, `USER`, `LOGNAME`, `PWD`, `OLDPWD`, `TMPDIR`, `IFS`, `ENV`, `CDPATH`, `_`,
	`PS[0-4]`, `PROMPT_COMMAND`, `SHELLOPTS`, `GLOBIGNORE`, `EXECIGNORE`, `POSIXLY_CORRECT`, `HIST.*`, `COMP_.*`,
	`U?ID`, `E?UID`, `PPID`, `GROUPS`, `DIRSTACK`, `FUNCNAME`, `FUNCNEST`, `LINENO`, `RANDOM`, `SRANDOM`, `SECONDS`,
	`EPOCH.*`, `OPT(?:IND|ARG|ERR)`, `TIMEFORMAT`, `TMOUT`, `MAPFILE`, `REPLY`, `PIPESTATUS`,
	`LANG`, `LANGUAGE`, `LC_.*`, `GZIP`, `SSL_CERT_.*`, `.*_CA_BUNDLE`, `PYTHON.*`,
	`BASH.*`, `LD_.*`, `DYLD_.*`, `CODEBUILD_.*`, `AWS_.*`, `ECS_.*`, `DOCKER_.*`, `BUILDX_.*`, `BUILDKIT_.*`,
	`TOKENDOCKER_.*`, `tokendocker_.*`, `(?i:[A-Z]+_PROXY)`, `GO(?:DEBUG|TRACEBACK|GC|MAXPROCS|MEMLIMIT)`,
}, `|`) + `)$`)

// Reserved says whether a variable of this name is kept out of the environment of the user's commands.
func Reserved(name string) bool { return reserved.MatchString(name) }
