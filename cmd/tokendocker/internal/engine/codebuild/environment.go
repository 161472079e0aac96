package codebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild/buildspec"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

func fail(code, format string, args ...any) error {
	return &failure{code: code, message: fmt.Sprintf(format, args...)}
}

// variables merges a buildspec's variables with the project's, which win and have StartBuild's in them already.
// Source: AWS CodeBuild User Guide, buildspec reference, "env".
func variables(spec *buildspec.Spec, project []variable) []variable {
	var vars []variable
	for _, from := range []struct {
		values map[string]string
		kind   string
	}{{spec.Variables, plaintext}, {spec.ParameterStore, parameterStore}, {spec.SecretsManager, secretsManager}} {
		for _, name := range slices.Sorted(maps.Keys(from.values)) {
			vars = override(vars, []variable{{Name: name, Value: text(from.values[name]), Type: from.kind}})
		}
	}
	return override(vars, project)
}

// environment returns the environment in which the commands start, and the values that the log must not show.
func (l *life) environment(ctx context.Context, vars []variable) (env, secrets []string, err error) {
	env = []string{
		"HOME=/root", "AWS_DEFAULT_REGION=" + l.build.Place.Region, "AWS_REGION=" + l.build.Place.Region,
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=" + l.lent.path,
	}
	parameters, err := l.parameters(ctx, vars)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range vars {
		value := string(v.Value)
		switch v.Type {
		case parameterStore:
			value = parameters[value]
			secrets = append(secrets, value)
		case secretsManager:
			if value, err = l.secret(ctx, value); err != nil {
				return nil, nil, err
			}
			secrets = append(secrets, value)
		}
		env = append(env, v.Name+"="+value)
	}
	return last(append(env, l.ownVariables()...)), secrets, nil
}

// last keeps each name's last entry.
func last(env []string) []string {
	byName := map[string]string{}
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		byName[name] = e
	}
	return slices.Sorted(maps.Values(byName))
}

// ownVariables are those that CodeBuild sets itself.
// Source: AWS CodeBuild User Guide, "Environment variables in build environments".
func (l *life) ownVariables() []string {
	b := l.build
	env := []string{
		"CI=true", "CODEBUILD_CI=true",
		"CODEBUILD_BUILD_ARN=" + b.arn(), "CODEBUILD_BUILD_ID=" + b.ID, "CODEBUILD_BUILD_IMAGE=" + b.Environment.Image,
		"CODEBUILD_BUILD_NUMBER=" + strconv.Itoa(b.Number), "CODEBUILD_BUILD_SUCCEEDING=1", "CODEBUILD_INITIATOR=" + b.Initiator,
		"CODEBUILD_KMS_KEY_ID=" + b.key(), "CODEBUILD_LOG_PATH=" + b.Logs.StreamName,
		"CODEBUILD_RESOLVED_SOURCE_VERSION=" + b.SourceVersion, "CODEBUILD_SOURCE_VERSION=" + b.SourceVersion,
		"CODEBUILD_SRC_DIR=" + l.shell.source, "CODEBUILD_START_TIME=" + strconv.FormatInt(b.Start.UnixMilli(), 10),
	}
	for _, s := range b.SecondarySources {
		env = append(env, "CODEBUILD_SRC_DIR_"+s.Identifier+"="+l.shell.secondary(s.Identifier))
	}
	if bucket, key := b.Source.object(); b.Source.Type == "S3" {
		env = append(env, "CODEBUILD_SOURCE_REPO_URL=s3://"+bucket+"/"+key)
	}
	return env
}

const parametersPerCall = 10 // Systems Manager API Reference, GetParameters

// parameters reads the SSM parameters that variables name, as the build's role.
func (l *life) parameters(ctx context.Context, vars []variable) (map[string]string, error) {
	const code = "Decrypted Variables Error"
	var names []string
	for _, v := range vars {
		if v.Type == parameterStore && !slices.Contains(names, string(v.Value)) {
			names = append(names, string(v.Value))
		}
	}
	values := map[string]string{}
	for batch := range slices.Chunk(names, parametersPerCall) {
		var out struct {
			Parameters        []struct{ Name, ARN, Selector, Value string }
			InvalidParameters []string
		}
		in := map[string]any{"Names": batch, "WithDecryption": true}
		if err := l.reach(code, "ssm", "ssm", ""); err != nil {
			return nil, err
		}
		if err := l.room.Caller.Call(ctx, l.role, l.build.Place.Region, "ssm", "GetParameters", in, &out); err != nil {
			return nil, variableError(code, err)
		}
		if len(out.InvalidParameters) > 0 {
			return nil, fail(code, "parameter does not exist: %s", strings.Join(out.InvalidParameters, ", "))
		}
		for _, p := range out.Parameters {
			values[p.Name+p.Selector], values[p.ARN+p.Selector] = p.Value, p.Value
		}
	}
	return values, nil
}

// secret reads a secret that a reference secret-id:json-key:version-stage:version-id names, as the build's role.
// Source: AWS CodeBuild User Guide, buildspec reference, "env/secrets-manager".
func (l *life) secret(ctx context.Context, reference string) (string, error) {
	const code = "Secrets Manager Error"
	parts := strings.Split(reference, ":")
	id, rest := parts[0], parts[1:]
	if strings.HasPrefix(reference, "arn:") && len(parts) >= 7 {
		id, rest = strings.Join(parts[:7], ":"), parts[7:]
	}
	rest = append(rest, "", "", "")
	in := map[string]any{"SecretId": id}
	if rest[1] != "" {
		in["VersionStage"] = rest[1]
	}
	if rest[2] != "" {
		in["VersionId"] = rest[2]
	}
	var out struct{ SecretString string }
	if err := l.reach(code, "secretsmanager", "secretsmanager", ""); err != nil {
		return "", err
	}
	if err := l.room.Caller.Call(ctx, l.role, l.build.Place.Region, "secretsmanager", "GetSecretValue", in, &out); err != nil {
		return "", variableError(code, err)
	}
	if rest[0] == "" {
		return out.SecretString, nil
	}
	var fields map[string]*text // as they are written: a number keeps its digits
	if err := json.Unmarshal([]byte(out.SecretString), &fields); err != nil {
		return "", fail(code, "secret %s is not JSON, it has no key %s", id, rest[0])
	}
	if fields[rest[0]] == nil {
		return "", fail(code, "key %s not found in secret %s", rest[0], id)
	}
	return string(*fields[rest[0]]), nil
}

// variableError makes a service's error the phase's failure.
func variableError(code string, err error) error {
	var e *protocol.Error
	if errors.As(err, &e) {
		return fail(code, "%s: %s", e.Code, e.Message)
	}
	return err
}
