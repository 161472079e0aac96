package cli

import (
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/progress"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// permissions reports what the roles did: in the summary what they may do and never did, and with --permissions all of
// it, for each role.
func (r *rehearsal) permissions() error {
	roles, err := r.engine.Roles()
	if err != nil {
		return err
	}
	for _, role := range roles {
		for _, arn := range role.Unknown {
			r.log.Note("warning: [%s] tokendocker does not know what AWS's policy %s allows: here it gives no rights", role.Path, arn)
		}
		for _, u := range role.Unused {
			r.summary.Unused = append(r.summary.Unused, report.Permission{Role: role.Name, Action: u.Action, Resource: u.Resource})
		}
		if r.Permissions {
			r.printer.Role(reported(role))
		}
	}
	if n := len(r.summary.Unused); n > 0 && !r.Permissions {
		r.log.Note("permissions that no role ever used: %d; --permissions lists them, and what each role needs", n)
	}
	return nil
}

// denials adds to the summary which calls were refused, and says of a rehearsal that failed what would allow them.
func (r *rehearsal) denials(failed bool) {
	for _, d := range r.engine.Denials() {
		name := d.RoleARN[strings.LastIndex(d.RoleARN, "/")+1:]
		r.summary.Denied = append(r.summary.Denied, report.Denial{Role: name, Action: d.Action, Resource: d.Resource, Reason: d.Reason, Remedy: d.Remedy})
		if failed {
			noteDenial(r.log, d)
		}
	}
}

// noteDenial says which call was refused, and what would allow it.
func noteDenial(log *progress.Log, d iam.Denial) {
	log.Note("denied: %s", d.Reason)
	if d.Remedy != "" {
		log.Note("  %s", d.Remedy)
	}
}

func reported(role engine.Role) report.Role {
	out := report.Role{Role: role.Name, Path: strings.TrimSuffix(role.Path, "/Resource"), Needed: role.Needed, Unknown: role.Unknown}
	for _, c := range role.Calls {
		out.Calls = append(out.Calls, report.Call{Action: c.Action, Resource: c.Resource, Allowed: c.Allowed})
	}
	for _, u := range role.Unused {
		out.Unused = append(out.Unused, report.Entry{Policy: u.Policy, Statement: u.Sid, Action: u.Action, Resource: u.Resource})
	}
	return out
}
