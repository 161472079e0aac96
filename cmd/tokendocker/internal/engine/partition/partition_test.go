package partition_test

import (
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
)

func TestOf(t *testing.T) {
	for region, want := range map[string][2]string{
		"eu-west-1":      {"aws", "amazonaws.com"},
		"us-east-1":      {"aws", "amazonaws.com"},
		"cn-north-1":     {"aws-cn", "amazonaws.com.cn"},
		"us-gov-west-1":  {"aws-us-gov", "amazonaws.com"},
		"us-iso-east-1":  {"aws-iso", "c2s.ic.gov"},
		"us-isob-east-1": {"aws-iso-b", "sc2s.sgov.gov"},
		"eusc-de-east-1": {"aws-eusc", "amazonaws.eu"},
	} {
		name, suffix := partition.Of(region)
		if got := [2]string{name, suffix}; got != want || partition.Suffix(name) != want[1] || !partition.IsRegion(region) {
			t.Errorf("%s is of %v, %s", region, got, partition.Suffix(name))
		}
	}
	for _, text := range []string{"", "eu-west", "eu-west-1a", "../../../tmp-1", "EU-WEST-1", "eu-west-1\n"} {
		if partition.IsRegion(text) {
			t.Errorf("%q is taken for a region", text)
		}
	}
}
