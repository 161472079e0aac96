package cli

import (
	"cmp"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// environment is where an app's stacks go: one account, one partition, any number of regions.
type environment struct {
	account string
	region  string   // of stacks that name none, if it is in the partition; else the first stack's
	regions []string // of all stacks
}

// environment finds the app's account and regions. Stacks that name none go where the flags say.
func (r *rehearsal) environment(app *assembly.Assembly) (environment, error) {
	at := environment{region: r.Region}
	if app == nil {
		at.account = r.Account
		return at, nil
	}
	for _, s := range app.Stacks {
		if s.Account != "" && at.account != "" && s.Account != at.account {
			return at, fault.New(fault.Deploy, "rehearse the app's accounts one after the other",
				"the app has stacks in the accounts %s and %s, and a rehearsal has one account", at.account, s.Account)
		}
		at.account = cmp.Or(at.account, s.Account)
		if region := cmp.Or(s.Region, r.Region); !slices.Contains(at.regions, region) {
			at.regions = append(at.regions, region)
		}
	}
	at.account = cmp.Or(at.account, r.Account)
	for i, region := range at.regions {
		first, _ := engine.Partition(at.regions[0])
		partition, _ := engine.Partition(region)
		if partition != first {
			return at, fault.New(fault.Deploy, "no account is in two partitions; give stacks without a region one with --region",
				"the app has stacks in the regions %s (%s) and %s (%s)", at.regions[0], first, at.regions[i], partition)
		}
		if home, _ := engine.Partition(at.region); home != first {
			at.region = at.regions[0]
		}
	}
	return at, nil
}
