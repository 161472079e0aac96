package rehearsals

import (
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/cli/hosthandler"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// oneSlot starts an engine whose account may run one build at a time, and lets the project of another stack have it.
// The build of that stack ends by itself only after the patience of everybody else.
func (p *permissions) oneSlot() (w *world, held string) {
	p.t.Helper()
	a, _, err := assembly.Open(p.assembly)
	must(p.t, err)
	handlers, err := hosthandler.Unpack(p.t.TempDir())
	must(p.t, err)
	e, err := engine.New(p.t.Context(), engine.Options{StateDir: filepath.Join(p.t.TempDir(), "state"), Account: "123456789012", Region: "us-east-1",
		Scale: scenarioScale, Switches: switches.Switches{BuildSlots: 1}, Builds: handlers, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Progress: func(string) {}})
	must(p.t, err)
	p.t.Cleanup(func() { must(p.t, e.Close(p.t.Context())) })
	w = &world{t: p.t, engine: e, stack: a.Stacks[0]}
	name := w.stack.Name
	w.stack.Name = "Other"
	w.begin("one")
	w.stack.Name = name
	var projects struct{ Projects []string }
	w.call("codebuild", "ListProjects", map[string]any{}, &projects)
	var started struct{ Build ended }
	w.call("codebuild", "StartBuild", map[string]any{"projectName": projects.Projects[0], "timeoutInMinutesOverride": 60,
		"buildspecOverride": `{"version": "0.2", "phases": {"build": {"commands": ["sleep 600"]}}}`}, &started)
	return w, started.Build.ID
}

// TestSlots: the account's only slot for builds is taken. The build waits for it, and when no time is left for it, that
// is what the failure says.
func TestSlots(t *testing.T) {
	p := synthesize(t)
	t.Run("never free", func(t *testing.T) {
		t.Parallel()
		w, _ := p.at(t).oneSlot()
		said := w.deploy(w.stack.Template, "one")
		if !strings.Contains(said, "Message returned: The build waited for a free build slot of CodeBuild until the time was over.") || !strings.Contains(said, "Service Quotas") {
			t.Errorf("said %s", said)
		}
		w.wantBuilds("SUCCEEDED", "IN_PROGRESS", "TIMED_OUT")
	})
	t.Run("free after a while", func(t *testing.T) {
		t.Parallel()
		w, held := p.at(t).oneSlot()
		w.whileBuilding(3, func(string) {
			time.Sleep(4 * time.Minute / scenarioScale)
			if err := w.engine.Call(t.Context(), "codebuild", "StopBuild", map[string]any{"id": held}, nil); err != nil {
				t.Error(err)
			}
		})
		if said := w.deploy(w.stack.Template, "one"); said != "" {
			t.Errorf("said %s", said)
		}
		w.wantBuilds("SUCCEEDED", "STOPPED", "SUCCEEDED")
	})
}

// TestQuota: one slot, and more builds than may wait for it: CodeBuild refuses the last ones until there is room.
func TestQuota(t *testing.T) {
	t.Parallel()
	const builders = 8 // one builds, five wait in the queue (CodeBuild User Guide, "Quotas for AWS CodeBuild")
	app := caseApp{Stack: "Many"}
	for i := range builders {
		app.Builders = append(app.Builders, caseBuilder{ID: fmt.Sprintf("B%d", i), Path: "web", Extra: fmt.Sprint(i), CacheDisabled: true})
	}
	r := newApp(t, app, map[string]string{"web/Dockerfile": "FROM busybox:1\nRUN true\n"})
	o := r.rehearse(settings{"TOKENDOCKER_REHEARSE_FAULTS=build-slots=1", "TOKENDOCKER_REHEARSE_TIME_SCALE=20"}).wantExit(0)
	for i := range builders {
		if image := o.image(fmt.Sprintf("Many/B%d", i)); !image.Built {
			t.Errorf("image %+v", image)
		}
	}
	r.wantNothingLeft()
}
