package handler

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/internal/machine"
)

// Every path that the machine's definition reads in a decision is a field of Move.
func TestMachineReadsFieldsOfMove(t *testing.T) {
	data, err := json.Marshal(Move{
		Next: machine.NextBuild, State: &State{}, StepSeconds: 1, WaitSeconds: 1, BuildSeconds: 1, Build: &Run{},
	})
	if err != nil {
		t.Fatal(err)
	}
	var move map[string]any
	if err := json.Unmarshal(data, &move); err != nil {
		t.Fatal(err)
	}
	paths := regexp.MustCompile(`"\$\.([A-Za-z.]+)"`).FindAllStringSubmatch(machine.Definition("f", "aws"), -1)
	if len(paths) < 8 {
		t.Fatalf("only %d paths found", len(paths))
	}
	for _, p := range paths {
		path := p[1]
		if path == "Payload" || path == "Build.Id" { // of the integrations' results
			continue
		}
		var at any = move
		for field := range strings.SplitSeq(path, ".") {
			fields, _ := at.(map[string]any)
			if at = fields[field]; at == nil {
				t.Errorf("the machine reads %s, which no decision has", path)
				break
			}
		}
	}
}
