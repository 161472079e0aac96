package cli

import (
	"cmp"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// environment is where an app's stacks go: one partition, any number of accounts and regions.
type environment struct {
	account  string   // of stacks that name none: the flag's, unless stacks name others only, then the first of those
	accounts []string // that stacks name
	region   string   // of stacks that name none, if it is in the partition; else the first stack's
	regions  []string // of all stacks
}

// environment finds the app's accounts and regions. Stacks that name none go where the flags say.
func (r *rehearsal) environment(app *assembly.Assembly) (environment, error) {
	at := environment{account: r.Account, region: r.Region}
	if app == nil {
		return at, nil
	}
	for _, s := range app.Stacks {
		if s.Account != "" && !slices.Contains(at.accounts, s.Account) {
			at.accounts = append(at.accounts, s.Account)
		}
		if region := cmp.Or(s.Region, r.Region); !slices.Contains(at.regions, region) {
			at.regions = append(at.regions, region)
		}
	}
	if len(at.accounts) > 0 && !slices.Contains(at.accounts, at.account) {
		at.account = at.accounts[0]
	}
	for i, region := range at.regions {
		first, _ := engine.Partition(at.regions[0])
		partition, _ := engine.Partition(region)
		if partition != first {
			return at, fault.New(fault.Deploy, "rehearse the stacks of each partition for themselves; give stacks without a region one with --region",
				"the app has stacks in the regions %s (%s) and %s (%s), which no rehearsal can have together", at.regions[0], first, at.regions[i], partition)
		}
		if home, _ := engine.Partition(at.region); home != first {
			at.region = at.regions[0]
		}
	}
	return at, nil
}
