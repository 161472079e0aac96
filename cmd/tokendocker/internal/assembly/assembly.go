// Package assembly reads a cloud assembly, the folder that synthesizing a CDK app leaves behind (cdk.out), and makes
// one from an app. It is the only place that knows the folder's form.
package assembly

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// Assembly is a cloud assembly: the stacks of one app, with all that deploying them takes.
type Assembly struct {
	Dir    string
	Stacks []Stack // every stack after those that it depends on
}

// Stack is one stack of an assembly.
type Stack struct {
	ID         string // construct path, as the CDK CLI shows it
	Name       string // the CloudFormation stack's name
	Account    string // empty where the app leaves it to the deploy
	Region     string // empty where the app leaves it to the deploy
	Template   []byte
	Parameters map[string]string
	Tags       map[string]string
	Paths      map[string]string // construct path of each logical id
	Files      []File            // assets that the stack needs in S3
	Images     []Image           // docker image assets that the stack needs in ECR

	key       string   // folder and artifact id: unique over nested assemblies
	dependsOn []string // keys
}

// Message is an annotation that a construct left in the assembly: the CDK CLI prints it.
type Message struct {
	Level string // "error", "warning" or "info"
	Path  string // construct path
	Text  string
}

// Open reads the cloud assembly in dir. Errors are of kind Synth: the folder is not what an app would have written.
// The messages are annotations of the app's constructs; an app with an error among them is not deployable.
func Open(dir string) (*Assembly, []Message, error) {
	if _, err := os.Stat(filepath.Join(dir, "manifest.json")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fault.New(fault.Synth, "run the app first, or name the folder that holds its cdk.json",
			"%s is no cloud assembly: it has no manifest.json", dir)
	}
	var r reader
	if err := r.read(dir); err != nil {
		return nil, nil, fault.Wrap(fault.Synth, "", err, "cannot read the cloud assembly")
	}
	ordered, err := order(r.stacks)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Synth, "", err, "cannot order the app's stacks")
	}
	slices.SortStableFunc(r.messages, func(a, b Message) int { return strings.Compare(a.Path, b.Path) })
	return &Assembly{Dir: dir, Stacks: ordered}, r.messages, nil
}

// reader collects the stacks of an assembly and of the assemblies nested in it (stages).
type reader struct {
	stacks   []Stack
	messages []Message
}

func (r *reader) read(dir string) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	if len(m.Missing) > 0 {
		return fmt.Errorf("the app looks values up in an AWS account (%s), which a rehearsal has none of: put them into cdk.context.json",
			m.Missing[0].Key)
	}
	for _, id := range slices.Sorted(maps.Keys(m.Artifacts)) {
		a := m.Artifacts[id]
		switch a.Type {
		case typeNested:
			if err := r.read(filepath.Join(dir, a.Properties.DirectoryName)); err != nil {
				return err
			}
		case typeStack:
			s, err := r.stack(dir, id, a, m)
			if err != nil {
				return err
			}
			if err := s.complete(); err != nil {
				return err
			}
			r.stacks = append(r.stacks, s)
		}
	}
	return nil
}

// Empty reports whether the stack's template has no resources. CloudFormation refuses such a template, and the CDK CLI
// does not deploy it.
func (s Stack) Empty() bool {
	var template struct{ Resources map[string]json.RawMessage }
	return json.Unmarshal(s.Template, &template) == nil && len(template.Resources) == 0
}

func (r *reader) stack(dir, id string, a artifact, m manifest) (Stack, error) {
	s := Stack{
		ID:         cmp.Or(a.DisplayName, id),
		Name:       cmp.Or(a.Properties.StackName, id),
		Parameters: a.Properties.Parameters,
		Tags:       a.Properties.Tags,
		Paths:      map[string]string{},
		key:        dir + "/" + id,
	}
	s.Account, s.Region = environment(a.Environment)
	var err error
	if s.Template, err = os.ReadFile(filepath.Join(dir, a.Properties.TemplateFile)); err != nil {
		return s, err
	}
	for path, entries := range a.Metadata {
		for _, e := range entries {
			r.note(&s, strings.TrimPrefix(path, "/"), e)
		}
	}
	for _, dep := range a.Dependencies {
		switch d := m.Artifacts[dep]; d.Type {
		case typeStack:
			s.dependsOn = append(s.dependsOn, dir+"/"+dep)
		case typeAssets:
			if err := s.addAssets(dir, d.Properties.File); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

func (r *reader) note(s *Stack, path string, e metadataEntry) {
	var text string
	level, isAnnotation := strings.CutPrefix(e.Type, "aws:cdk:")
	switch {
	case e.Type == "aws:cdk:logicalId":
		if json.Unmarshal(e.Data, &text) == nil {
			s.Paths[text] = path
		}
	case isAnnotation && slices.Contains([]string{"error", "warning", "info"}, level):
		if json.Unmarshal(e.Data, &text) == nil {
			r.messages = append(r.messages, Message{Level: level, Path: path, Text: text})
		}
	}
}

// environment splits "aws://account/region"; what is unknown until the deploy becomes empty.
func environment(uri string) (account, region string) {
	account, region, _ = strings.Cut(strings.TrimPrefix(uri, "aws://"), "/")
	return strings.TrimPrefix(account, "unknown-account"), strings.TrimPrefix(region, "unknown-region")
}

// order puts every stack after those that it depends on, and keeps the given order otherwise.
func order(stacks []Stack) ([]Stack, error) {
	byKey := map[string]*Stack{}
	for i := range stacks {
		byKey[stacks[i].key] = &stacks[i]
	}
	const visiting, done = 1, 2
	state := map[string]int{}
	var ordered []Stack
	var visit func(s *Stack) error
	visit = func(s *Stack) error {
		switch state[s.key] {
		case done:
			return nil
		case visiting:
			return fmt.Errorf("stack %s depends on itself through others", s.ID)
		}
		state[s.key] = visiting
		for _, dep := range s.dependsOn {
			if err := visit(byKey[dep]); err != nil {
				return err
			}
		}
		state[s.key] = done
		ordered = append(ordered, *s)
		return nil
	}
	for i := range stacks {
		if err := visit(&stacks[i]); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}
