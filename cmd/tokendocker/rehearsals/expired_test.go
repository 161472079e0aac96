package rehearsals

import (
	"strings"
	"testing"
)

// slowFiles is an image of one step that takes some seconds.
func slowFiles(seconds string) map[string]string {
	return map[string]string{"web/Dockerfile": "FROM busybox:1\nARG A\nRUN sleep " + seconds + "; printf %s \"$A\" > /value\nCMD [\"true\"]\n"}
}

// TestExpiredCredentials: credentials that services give out end after a while, and registry passwords with them. Calls
// of builds and functions get new ones, as on AWS; a docker login that is older than that is refused when the image is
// pushed. That is the worst that AWS may do: its page says that a password works for twelve hours.
func TestExpiredCredentials(t *testing.T) {
	cases := []struct {
		name      string
		construct construct
		life      string // of credentials; a second of the build is twenty of their time
		before    string // seconds that a command before the docker build takes
		step      string // seconds that the docker build's one step takes
		says      string // in the failure; empty: there is an image
		silent    bool   // about the reason, which only the build's log has
	}{
		{"docker build longer than the credentials", ours, "2m", "0", "12", "The image was built but could not be pushed", false},
		{"commands longer than the credentials", ours, "6m", "20", "1", "", false},
		{"docker build longer than the credentials", npmBuilder, "2m", "", "12", "Build FAILED. Last logs:", true},
		{"docker build longer than the credentials", deployTimeBuild, "2m", "", "12", "See CloudWatch Log stream for the detailed reason", true},
	}
	const expired = "Your authorization token has expired. Reauthenticate and try again"
	for _, c := range cases {
		t.Run(c.name+"/"+string(c.construct), func(t *testing.T) {
			t.Parallel()
			app := valueApp()
			app.Builders[0].Lambda = false
			if c.construct == ours {
				app.Builders[0].PreBuild = []string{"sleep " + c.before, "aws sts get-caller-identity"}
			}
			r := c.construct.app(t, app, slowFiles(c.step))
			env := append(peers(t), "TOKENDOCKER_REHEARSE_FAULTS=credentials-life="+c.life, "TOKENDOCKER_REHEARSE_TIME_SCALE=20")
			o := r.rehearse(env, "--set", "One.T.TopicName=plain")
			if c.says == "" {
				if got := o.wantExit(0).file(o.image("One/Web"), "/value"); string(got) != "plain" {
					t.Errorf("the image holds %q", got)
				}
				return
			}
			said := o.wantExit(4).summary.Stacks[0].Failure.Reason
			if !strings.Contains(said, c.says) || strings.Contains(said, expired) == c.silent {
				t.Errorf("the deployment says %q", said)
			}
			if log := r.buildLog(); !strings.Contains(log, expired) {
				t.Errorf("the build's log lacks %q:\n%s", expired, log)
			}
		})
	}
}
