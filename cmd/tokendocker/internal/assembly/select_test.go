package assembly

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSelect(t *testing.T) {
	app := &Assembly{Stacks: []Stack{
		{ID: "Base", Name: "Base", key: "b"},
		{ID: "Dev/Net", Name: "Dev-Net", key: "dn", dependsOn: []string{"b"}},
		{ID: "Dev/Web", Name: "Dev-Web", key: "dw", dependsOn: []string{"dn"}},
		{ID: "Prod/Eu/Web", Name: "Prod-Web", key: "pw"},
	}}
	cases := []struct {
		name          string
		patterns      []string
		want, unknown []string
	}{
		{"name", []string{"Prod-Web"}, []string{"Prod-Web"}, nil},
		{"construct path, and what it depends on", []string{"Dev/Web"}, []string{"Base", "Dev-Net", "Dev-Web"}, nil},
		{"one star stays in its part", []string{"*/Web"}, []string{"Base", "Dev-Net", "Dev-Web"}, nil},
		{"two stars cross parts", []string{"Prod/**"}, []string{"Prod-Web"}, nil},
		{"all", []string{"**"}, []string{"Base", "Dev-Net", "Dev-Web", "Prod-Web"}, nil},
		{"question mark", []string{"Bas?"}, []string{"Base"}, nil},
		{"nothing else is special", []string{"B.se", "Dev/Net"}, []string{"Base", "Dev-Net"}, []string{"B.se"}},
		{"no part of a path", []string{"Dev", "Web"}, nil, []string{"Dev", "Web"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			selected, unknown := app.Select(c.patterns)
			var got []string
			for _, s := range selected.Stacks {
				got = append(got, s.Name)
			}
			if diff := cmp.Diff(c.want, got) + cmp.Diff(c.unknown, unknown); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
