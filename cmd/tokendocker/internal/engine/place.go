package engine

import (
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// place is where an engine stands: its account, partition and home region.
type place struct{ account, partition, region, suffix string }

// Partition returns the partition of a region and the suffix of its host names.
// Source: AWS General Reference, "Amazon Resource Names".
func Partition(region string) (partition, suffix string) {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn", "amazonaws.com.cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov", "amazonaws.com"
	}
	return "aws", "amazonaws.com"
}

// where returns the place of an account and its home region.
func where(account, region string) place {
	partition, suffix := Partition(region)
	return place{account: account, partition: partition, region: region, suffix: suffix}
}

// ElsewhereError says that the state folder holds the stacks of another account or partition.
type ElsewhereError struct{ Account, Partition string }

// Error names the account.
func (e *ElsewhereError) Error() string {
	return fmt.Sprintf("the state folder holds stacks of account %s in partition %s", e.Account, e.Partition)
}

// keptPlace is the place of a state folder's stacks, as it is kept.
type keptPlace struct{ Account, Region string }

const placeKey = "place"

// settle returns the place that the options name, or that of the state folder's stacks if the options say so.
func settle(store *state.Store, o Options) (place, error) {
	table, err := state.NewTable[keptPlace](store, "engine.place")
	if err != nil {
		return place{}, err
	}
	kept, found, err := table.Get(placeKey)
	if found && o.Kept {
		return where(kept.Account, kept.Region), err
	}
	return where(o.Account, o.Region), err
}

// keepPlace writes the place down, unless there are stacks somewhere else.
func (e *Engine) keepPlace() error {
	for _, s := range e.stacks.Stacks() {
		parts := strings.SplitN(s.ID, ":", 6) // an ARN
		if len(parts) == 6 && (parts[1] != e.place.partition || parts[4] != e.place.account) {
			return &ElsewhereError{Account: parts[4], Partition: parts[1]}
		}
	}
	table, err := state.NewTable[keptPlace](e.store, "engine.place")
	if err != nil {
		return err
	}
	return table.Put(placeKey, keptPlace{e.place.account, e.place.region})
}
