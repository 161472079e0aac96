package contract

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// argumentName is what a build argument may be called. Docker itself takes anything without "=" and blanks; but only
// letters, digits and "_" can be expanded in a Dockerfile, and "." and "-" still reach the environment of a RUN. All
// else is a typing mistake that docker would swallow.
var argumentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// ShellName is what an environment variable of a shell may be called (POSIX, "Name").
var ShellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

var (
	identifier    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)           // secret ids and stages
	region        = regexp.MustCompile(`^[a-z]{2,}(-[a-z]+)+-[0-9]+$`)            // "us-gov-west-1"
	repositoryURI = regexp.MustCompile(`^[A-Za-z0-9.:-]+/[a-z0-9][a-z0-9._/-]*$`) // host and name

	imageReference = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]*$`) // what docker may pull; docker itself reads it in full
	registryHost   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.:/-]*$`)   // "ghcr.io", "host:5000", "https://index.docker.io/v1/"
)

// Values that a request may hold.
var (
	Platforms = []string{"linux/amd64", "linux/arm64"}
	Networks  = []string{"default", "none", "host"}
	Ignorable = []string{"buildArgs", "buildSecrets", "buildSsh", "extraHash", "file", "networkMode", "platform", "target"}
)

// Validate says what is wrong with the request, in one sentence that names the field. It is meant for a request
// whose tokens are resolved.
func (r Request) Validate() error {
	for _, check := range []func(Request) error{checkPlaces, checkBuild, checkNames, checkReferences, checkLists, checkTimes} {
		if err := check(r); err != nil {
			return fmt.Errorf("request.%w", err)
		}
	}
	return nil
}

// checkPlaces looks at where things come from and go to.
func checkPlaces(r Request) error {
	for _, f := range []struct{ name, value string }{
		{"Source.Bucket", r.Source.Bucket}, {"Source.Key", r.Source.Key}, {"Source.Hash", r.Source.Hash},
		{"Repository.Name", r.Repository.Name}, {"Project", r.Project}, {"LogGroup", r.LogGroup},
	} {
		if f.value == "" {
			return fmt.Errorf("%s: is missing or empty", f.name)
		}
	}
	for _, f := range []struct{ name, value string }{{"Repository.URI", r.Repository.URI}, {"CacheURI", r.CacheURI}} {
		if optional := f.name == "CacheURI"; optional && f.value == "" {
			continue
		}
		if !repositoryURI.MatchString(f.value) {
			return fmt.Errorf("%s: %q is not a registry host and a repository name, without a tag", f.name, f.value)
		}
	}
	if r.BuildKit != "" && !imageReference.MatchString(r.BuildKit) {
		return fmt.Errorf("BuildKit: %q is not a reference of an image", r.BuildKit)
	}
	return nil
}

// checkBuild looks at what docker is told beside the arguments.
func checkBuild(r Request) error {
	file := r.Dockerfile
	if file != "" && (path.IsAbs(file) || file != path.Clean(file) || file == "." || strings.HasPrefix(file, "..") || control(file)) {
		return fmt.Errorf("Dockerfile: %q is not a clean path inside the context; write it relative, without \"..\"", file)
	}
	if r.Target != "" && !identifier.MatchString(r.Target) {
		return fmt.Errorf("Target: %q is not the name of a build stage", r.Target)
	}
	if r.Platform != "" && !slices.Contains(Platforms, r.Platform) {
		return fmt.Errorf("Platform: %q is not supported; use %s", r.Platform, strings.Join(Platforms, " or "))
	}
	if r.Network != "" && !slices.Contains(Networks, r.Network) {
		return fmt.Errorf("Network: %q is not supported; use one of %s", r.Network, strings.Join(Networks, ", "))
	}
	for _, flag := range []struct{ name, value string }{
		{"CacheDisabled", r.CacheDisabled}, {"RetainLogs", r.RetainLogs}, {"LambdaPull", r.LambdaPull},
	} {
		if flag.value != "" && flag.value != "true" {
			return fmt.Errorf("%s: is %q; write \"true\" or leave it out", flag.name, flag.value)
		}
	}
	return nil
}

// checkNames looks at the names and values of build arguments and environment variables.
func checkNames(r Request) error {
	if err := checkArguments("Args", r.Args, argumentName); err != nil {
		return err
	}
	return checkArguments("Environment", r.Environment, ShellName)
}

func checkArguments(field string, arguments []Argument, rule *regexp.Regexp) error {
	seen, total := map[string]bool{}, 0
	for i, argument := range arguments {
		if !rule.MatchString(argument.Name) {
			return fmt.Errorf("%s[%d].Name: %q is not a legal name; it must match %s", field, i, argument.Name, rule)
		}
		if seen[argument.Name] {
			return fmt.Errorf("%s[%d].Name: %q stands there twice; give each name once", field, i, argument.Name)
		}
		seen[argument.Name] = true
		value, err := argument.Bytes()
		if err != nil {
			return fmt.Errorf("%s[%d].Value: %w", field, i, err)
		}
		size := len(argument.Name) + 1 + len(value)
		if size > MaxArgument {
			return fmt.Errorf("%s[%d].Value: %q has %d bytes with its name, and Linux passes at most %d in one argument; put the value into a file of the context", field, i, argument.Name, size, MaxArgument)
		}
		total += size
	}
	if total > MaxArguments {
		return fmt.Errorf("%s: hold %d bytes together, and a build passes at most %d; put the values into files of the context", field, total, MaxArguments)
	}
	return nil
}

// checkReferences looks at secrets and ssh keys.
func checkReferences(r Request) error {
	for _, list := range []struct {
		field      string
		references []Reference
	}{{"Secrets", r.Secrets}, {"SSH", r.SSH}} {
		seen := map[string]bool{}
		for i, reference := range list.references {
			if !identifier.MatchString(reference.ID) || seen[reference.ID] {
				return fmt.Errorf("%s[%d].ID: %q is not a legal id or stands there twice; use letters, digits, \"_\", \".\" and \"-\"", list.field, i, reference.ID)
			}
			seen[reference.ID] = true
			if reference.From != SecretsManager && reference.From != ParameterStore {
				return fmt.Errorf("%s[%d].From: %q is unknown; use %q or %q", list.field, i, reference.From, SecretsManager, ParameterStore)
			}
			if reference.Name == "" || control(reference.Name) {
				return fmt.Errorf("%s[%d].Name: %q is not the name or ARN of a secret", list.field, i, reference.Name)
			}
		}
	}
	return checkLogin(r.Login)
}

func checkLogin(l *Login) error {
	switch {
	case l == nil:
		return nil
	case l.Secret == "" || control(l.Secret):
		return fmt.Errorf("Login.Secret: %q is not the name or ARN of a secret", l.Secret)
	case l.Registry != "" && !registryHost.MatchString(l.Registry):
		return fmt.Errorf("Login.Registry: %q is not the host of a registry", l.Registry)
	}
	return nil
}

// checkLists looks at commands, regions and what the identity leaves out.
func checkLists(r Request) error {
	for _, list := range []struct {
		field string
		texts []Text
	}{{"Install", r.Install}, {"PreBuild", r.PreBuild}, {"ExtraHash", []Text{r.ExtraHash}}} {
		for i, text := range list.texts {
			if _, err := text.Bytes(); err != nil {
				return fmt.Errorf("%s[%d]: %w", list.field, i, err)
			}
		}
	}
	for i, name := range r.Replicas {
		if !region.MatchString(name) || slices.Contains(r.Replicas[:i], name) {
			return fmt.Errorf("Replicas[%d]: %q is not a region or stands there twice", i, name)
		}
	}
	for i, name := range r.Ignore {
		if !slices.Contains(Ignorable, name) {
			return fmt.Errorf("Ignore[%d]: %q is no part of the identity; use one of %s", i, name, strings.Join(Ignorable, ", "))
		}
	}
	return nil
}

// checkTimes looks at the numbers.
func checkTimes(r Request) error {
	most := MaxBuildMinutes
	if len(r.Replicas) > 0 {
		most = MaxReplicaBuildMinutes
	}
	if err := checkNumber("BuildMinutes", r.BuildMinutes, MinBuildMinutes, most); err != nil {
		return err
	}
	if err := checkNumber("ServiceSeconds", r.ServiceSeconds, 1, MaxServiceSeconds); err != nil {
		return err
	}
	if r.QueryInterval == "" {
		return nil
	}
	return checkNumber("QueryInterval", r.QueryInterval, 1, MaxServiceSeconds)
}

// checkNumber checks that text is a whole number in plain decimal digits.
func checkNumber(field, text string, least, most int) error {
	n, err := strconv.Atoi(text)
	if err != nil || strconv.Itoa(n) != text || n < least || n > most {
		return fmt.Errorf("%s: %q is not a whole number from %d to %d", field, text, least, most)
	}
	return nil
}

// control says whether s holds a control character.
func control(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}
