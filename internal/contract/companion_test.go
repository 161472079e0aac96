package contract_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/contract"
)

func TestDecodeReplication(t *testing.T) {
	want := contract.Replication{Repository: "app", Regions: []string{"eu-west-1", "us-west-2"}}
	got, err := contract.DecodeReplication(marshal(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for data, want := range map[string]string{
		`{"Repository":"app"}`:                                `no region`,
		`{"Regions":["eu-west-1"]}`:                           `no repository`,
		`{"Repository":"app","Regions":["x"],"Colour":"red"}`: `"Colour" is unknown`,
		`[]`: "is a JSON array",
	} {
		if _, err := contract.DecodeReplication([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
}

func TestDecodePublication(t *testing.T) {
	want := contract.Publication{Region: "eu-west-1", Parameters: []contract.Parameter{{Name: "/a/tag", Value: "1"}}}
	got, err := contract.DecodePublication(marshal(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for data, want := range map[string]string{
		`{"Region":"eu-west-1"}`:                                          `no parameter`,
		`{"Parameters":[{"Name":"/a","Value":"b"}]}`:                      `no region`,
		`{"Region":"r","Parameters":[{"Name":"/a"}]}`:                     `no value`,
		`{"Region":"r","Parameters":[{"Name":"/a","Value":"b","K":"v"}]}`: `"K" is unknown`,
	} {
		if _, err := contract.DecodePublication([]byte(data)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", data, err, want)
		}
	}
}
