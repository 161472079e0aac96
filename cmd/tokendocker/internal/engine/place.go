package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// place is where an engine stands: its account, partition and home region.
type place struct{ account, partition, region, suffix string }

// Partition returns the partition of a region and the suffix of its host names.
func Partition(region string) (name, suffix string) { return partition.Of(region) }

// where returns the place of an account and its home region.
func where(account, region string) place {
	in, suffix := partition.Of(region)
	return place{account: account, partition: in, region: region, suffix: suffix}
}

// ElsewhereError says that the state folder holds the stacks of another partition.
type ElsewhereError struct{ Account, Partition string }

// Error names the account.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("the state folder holds stacks of account %s in partition %s", e.Account, e.Partition)
}

// keptPlace is the place of a state folder's stacks, as it is kept.
type keptPlace struct {
	Account, Region string
	Accounts        []string // all that have stacks
}

const placeKey = "place"

// settle returns the place that the options name, or that of the state folder's stacks if the options say so, and all
// accounts that there are: the first one's own, those of the options, and those whose stacks the folder holds.
func settle(store *state.Store, o Options) (place, []string, error) {
	table, err := state.NewTable[keptPlace](store, "engine.place")
	if err != nil {
		return place{}, nil, err
	}
	kept, found, err := table.Get(placeKey)
	at := where(o.Account, o.Region)
	if found && o.Kept {
		at = where(kept.Account, kept.Region)
	}
	var all []string
	for _, id := range slices.Concat([]string{at.account}, o.Accounts, kept.Accounts) {
		if !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return at, all, err
}

// keepPlace writes the place down, unless there are stacks in another partition.
func (e *Engine) keepPlace() error {
	kept := keptPlace{Account: e.place.account, Region: e.place.region}
	for _, a := range e.accounts {
		kept.Accounts = append(kept.Accounts, a.account)
	}
	for _, s := range e.stacks() {
		if parts := strings.SplitN(s.ID, ":", 6); len(parts) == 6 && parts[1] != e.place.partition { // an ARN
			return &ElsewhereError{Account: parts[4], Partition: parts[1]}
		}
	}
	table, err := state.NewTable[keptPlace](e.store, "engine.place")
	if err != nil {
		return err
	}
	return table.Put(placeKey, kept)
}
