package rehearsals

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
)

// ended is what CodeBuild tells of a build.
type ended struct{ ID, BuildStatus string }

// builds lists the account's builds, the oldest first.
func (w *world) builds() []ended {
	w.t.Helper()
	var list struct{ IDs []string }
	w.call("codebuild", "ListBuilds", map[string]any{"sortOrder": "ASCENDING"}, &list)
	var got struct{ Builds []ended }
	if len(list.IDs) > 0 {
		w.call("codebuild", "BatchGetBuilds", map[string]any{"ids": list.IDs}, &got)
	}
	slices.SortFunc(got.Builds, func(a, b ended) int { return slices.Index(list.IDs, a.ID) - slices.Index(list.IDs, b.ID) })
	return got.Builds
}

// whileBuilding does something as soon as the n-th build runs.
func (w *world) whileBuilding(n int, do func(id string)) {
	go func() {
		for range 300 {
			var list struct{ IDs []string }
			if w.engine.Call(w.t.Context(), "codebuild", "ListBuilds", map[string]any{}, &list) == nil && len(list.IDs) == n {
				do(list.IDs[0]) // the newest
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
}

// wantBuilds checks how all builds ended.
func (w *world) wantBuilds(want ...string) {
	w.t.Helper()
	var got []string
	for _, b := range w.builds() {
		got = append(got, b.BuildStatus)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("builds %v, want %v", got, want)
	}
}

// repositories counts the account's ECR repositories.
func (w *world) repositories() int {
	w.t.Helper()
	var got struct{ Repositories []any }
	w.call("ecr", "DescribeRepositories", map[string]any{}, &got)
	return len(got.Repositories)
}

// quick is the real time that a cancelled deployment may take to roll back: stopping a build, the two looks of the
// handler at what still runs, and the work of a busy machine.
const quick = 45 * time.Second

// TestCancelled: a deployment that is cancelled while an image builds rolls back at once. The build is stopped first;
// after a creation nothing is left, after an update the old image is there, in use, and can be built on.
func TestCancelled(t *testing.T) {
	t.Parallel()
	p := synthesize(t)
	t.Run("create", func(t *testing.T) {
		w := p.at(t).world()
		w.cancel = make(chan struct{})
		var asked time.Time
		w.whileBuilding(1, func(string) { asked = time.Now(); close(w.cancel) })
		said := w.deploy(w.stack.Template, "slow")
		if took := time.Since(asked); !strings.Contains(said, "Resource creation cancelled") || took > quick {
			t.Errorf("after %s: %s", took, said)
		}
		w.wantBuilds("STOPPED")
		if n := w.repositories(); n != 0 {
			t.Errorf("%d repositories are left", n)
		}
		w.cancel = nil
		w.begin("one") // the same name again
	})
	t.Run("update", func(t *testing.T) {
		w := p.at(t).world()
		w.begin("one")
		before, err := w.engine.Images()
		must(t, err)
		w.cancel = make(chan struct{})
		var asked time.Time
		w.whileBuilding(2, func(string) { asked = time.Now(); close(w.cancel) })
		said := w.deploy(w.stack.Template, "slow")
		if took := time.Since(asked); !strings.Contains(said, "Resource update cancelled") || took > quick {
			t.Errorf("after %s: %s", took, said)
		}
		w.wantBuilds("SUCCEEDED", "STOPPED")
		after, err := w.engine.Images()
		must(t, err)
		if len(after) != 1 || after[0].Image != before[0].Image {
			t.Errorf("images %+v, want %+v", after, before)
		}
		w.cancel = nil
		w.begin("two")
		w.wantBuilds("SUCCEEDED", "STOPPED", "SUCCEEDED")
	})
}

// TestMeddled: somebody stops the build, or something takes the build context out of S3; each is said in its own words,
// at once.
func TestMeddled(t *testing.T) {
	t.Parallel()
	p := synthesize(t)
	t.Run("build stopped", func(t *testing.T) {
		w := p.at(t).world()
		w.whileBuilding(1, func(id string) {
			time.Sleep(2 * time.Second) // into the build
			if err := w.engine.Call(t.Context(), "codebuild", "StopBuild", map[string]any{"id": id}, nil); err != nil {
				t.Error(err)
			}
		})
		if said := w.deploy(w.stack.Template, "slow"); !strings.Contains(said, "Message returned: The build was stopped before it ended") {
			t.Errorf("said %s", said)
		}
		w.wantBuilds("STOPPED")
	})
	t.Run("build context gone", func(t *testing.T) {
		w := p.at(t).world()
		source := p.source()
		w.stack.Files = slices.DeleteFunc(slices.Clone(w.stack.Files), func(f assembly.File) bool { return strings.Contains(source, f.Key) })
		said := w.deploy(w.stack.Template, "one")
		if !strings.Contains(said, "Message returned: The build context s3://cdk-hnb659fds-assets-123456789012-us-east-1/") || !strings.Contains(said, "is not in S3 any more") {
			t.Errorf("said %s", said)
		}
		w.wantBuilds("FAILED") // one try was enough
	})
}

// at is the app for a subtest.
func (p *permissions) at(t *testing.T) *permissions {
	own := *p
	own.t = t
	return &own
}

// source is the source of the builder's CodeBuild project, as it stands in the template.
func (p *permissions) source() string {
	p.t.Helper()
	for _, r := range p.template["Resources"].(map[string]any) {
		if resource := r.(map[string]any); resource["Type"] == "AWS::CodeBuild::Project" {
			raw, err := json.Marshal(resource["Properties"].(map[string]any)["Source"])
			must(p.t, err)
			return string(raw)
		}
	}
	p.t.Fatal("there is no CodeBuild project")
	return ""
}
