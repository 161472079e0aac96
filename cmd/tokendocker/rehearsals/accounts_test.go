package rehearsals

import (
	"path"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

const (
	lender   = "111111111111"
	borrower = "222222222222"
)

// twoAccounts is an app of two accounts: an image of the first is replicated to the other, and is the base of another one
// there.
func twoAccounts() (caseApp, map[string]string) {
	c, files := one("FROM busybox:1\nARG A\nRUN echo base >/base.txt\n")
	c.Account, c.Region, c.Abroad = lender, "us-east-1", borrower
	files["onward/Dockerfile"] = "ARG BASE\nFROM $BASE\nRUN cat /base.txt >/onward.txt\n"
	return c, files
}

// TestTwoAccounts deploys the app's stacks in both accounts, and deletes them.
func TestTwoAccounts(t *testing.T) {
	t.Parallel()
	c, files := twoAccounts()
	app := newApp(t, c, files)
	if o := app.rehearse(nil, "--stack", "G*").wantExit(0); len(o.summary.Stacks) != 1 || o.summary.Stacks[0].Account != borrower {
		t.Errorf("one stack was asked for, and deployed were %+v", o.summary.Stacks)
	}
	if o := app.rehearse(nil, "--stack", "Gat").wantExit(2); !strings.Contains(o.stderr, "--stack Gat fits no stack of the app\n  did you mean Gate?") {
		t.Errorf("said\n%s", o.stderr)
	}
	o := app.rehearse(nil).wantExit(0)
	base, onward := o.image("One/Web"), o.image("Away/Onward")
	if !strings.HasPrefix(base.URI, lender+".dkr.ecr.") || !strings.HasPrefix(onward.URI, borrower+".dkr.ecr.") {
		t.Errorf("the images are %s and %s", base.URI, onward.URI)
	}
	if got := string(o.file(onward, "/onward.txt")); got != "base\n" {
		t.Errorf("the image on top of the other account's holds %q", got)
	}
	app.waitForReplica(base)
	replica := base
	replica.URI = strings.Replace(base.URI, lender, borrower, 1)
	if got := string(o.file(replica, "/base.txt")); got != "base\n" {
		t.Errorf("the replica holds %q", got)
	}
	again := app.rehearse(nil).wantExit(0)
	if again.image("One/Web").Built || again.image("Away/Onward").Built {
		t.Error("an unchanged app builds")
	}
	gone := app.rehearse(nil, "--destroy").wantExit(0)
	gone.wantDeleted("AWS::ECR::RegistryPolicy")
	gone.wantDeleted("AWS::IAM::Role")
}

// waitForReplica waits until an image is in the other account's registry: the rehearsal does not.
func (r *rehearsed) waitForReplica(image report.Image) {
	r.t.Helper()
	e := r.openIn(lender)
	defer func() { must(r.t, e.Close(r.t.Context())) }()
	for start := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		var out struct {
			ReplicationStatuses []struct{ RegistryID, Status string }
		}
		must(r.t, e.Call(r.t.Context(), "ecr", "DescribeImageReplicationStatus",
			map[string]any{"repositoryName": path.Base(image.URI), "imageId": map[string]string{"imageDigest": image.Digest}}, &out))
		if len(out.ReplicationStatuses) == 1 && out.ReplicationStatuses[0].RegistryID == borrower && out.ReplicationStatuses[0].Status == "COMPLETE" {
			return
		}
		if time.Since(start) > 30*time.Second {
			r.t.Fatalf("no replica: %+v", out)
		}
	}
}
