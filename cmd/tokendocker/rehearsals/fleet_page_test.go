package rehearsals

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateFleet = flag.Bool("update-fleet", false, "write docs/fleet.md from the table of the fleet")

// TestFleetPage: docs/fleet.md is what the table says, and the table has what the fleet is for.
func TestFleetPage(t *testing.T) {
	page := filepath.Join("..", "..", "..", "docs", "fleet.md")
	want := fleetPage()
	if *updateFleet {
		must(t, os.WriteFile(page, []byte(want), 0o644))
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != want {
		t.Errorf("docs/fleet.md is not what the table says (%v): run go test ./rehearsals -run TestFleetPage -update-fleet", err)
	}
	typeScript, parted := 0, 0
	for _, app := range fleet() {
		if !app.golang {
			typeScript++
		}
		if len(app.stacks) > 1 || len(app.custom) > 0 {
			parted++
		}
		if app.types < 8 || len(app.outputs) == 0 || len(app.order) == 0 || len(app.replaces) == 0 || app.breaks[0] == "" {
			t.Errorf("%s has too little to look at", app.name)
		}
	}
	if n := len(fleet()); n < 20 || typeScript < 8 || parted < n/2 {
		t.Errorf("%d apps, %d in TypeScript, %d with several stacks or a custom resource", n, typeScript, parted)
	}
}

const fleetIntroduction = `# The fleet

CDK apps in the manner of what people write, which know nothing of this repository. A test (` + "`rehearsals.TestFleet`" + `) deploys each
of them with ` + "`tokendocker rehearse`" + `, updates it with a change that replaces resources, updates it with something that
fails, and deletes it. They stand in [testdata/apps/fleet](../testdata/apps/fleet); those in TypeScript are checked against
the CDK's types first. This page is written from the test's table.

For each app the test looks at

- the first deployment: its stacks in order, how many resource types it has, which kinds of custom resources ran, the
  outputs' forms, what functions wrote into their logs, and that resources are made after what they need;
- the update: exactly the resources that should be are replaced (another physical id), the old one goes after the new
  one is there, and outputs follow;
- the failure: it is the resource and the reason that it should be, the stack is in ` + "`UPDATE_ROLLBACK_COMPLETE`" + `, and every
  physical id and output is as before;
- the deletion: in the reverse order, with nothing left in the engine's state but what AWS keeps as well (logs, deleted
  stacks, keys that wait for their deletion, what a removal policy retains).

Services that the engine does not have give their resources identifiers and attributes of the right form and do nothing
else; [limits.md](limits.md) says more.
`

// fleetPage is the text of docs/fleet.md.
func fleetPage() string {
	var b strings.Builder
	b.WriteString(fleetIntroduction)
	b.WriteString("\n## What each covers\n\n| app | in | stacks | resource types | covers |\n|---|---|---|---|---|\n")
	for _, app := range fleet() {
		language := "TypeScript"
		if app.golang {
			language = "Go"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %s |\n", app.name, language, strings.Join(app.stacks, ", "), app.types, app.covers)
	}
	b.WriteString("\n## What each asserts\n\n| app | custom resources | made in order | seen in a log | replaced | fails with |\n|---|---|---|---|---|---|\n")
	for _, app := range fleet() {
		var order, ran []string
		for _, pair := range app.order {
			order = append(order, code(pair[0])+" before "+code(pair[1]))
		}
		for _, function := range slices.Sorted(maps.Keys(app.ran)) {
			ran = append(ran, code(function)+": "+code(app.ran[function]))
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s: %s |\n", app.name, codes(app.custom), strings.Join(order, "; "), strings.Join(ran, "; "),
			codes(app.replaces), code(app.breaks[0]), app.breaks[1])
	}
	return b.String()
}

func code(text string) string { return "`" + strings.ReplaceAll(text, "|", "\\|") + "`" }

func codes(texts []string) string {
	var out []string
	for _, text := range texts {
		out = append(out, code(text))
	}
	return strings.Join(out, ", ")
}
