package main

import (
	"strings"
	"testing"
)

func TestGate(t *testing.T) {
	cases := []struct {
		name, in string
		good     bool
		shows    string
	}{
		{"all pass", `{"Action":"pass","Package":"a/b","Test":"TestX"}`, true, "1 passed, 0 failed, 0 skipped"},
		{"one fails", `{"Action":"pass","Package":"a/b","Test":"TestX"}
{"Action":"output","Package":"a/b","Test":"TestY","Output":"because\n"}
{"Action":"fail","Package":"a/b","Test":"TestY"}`, false, "because"},
		{"allowed skip", `{"Action":"pass","Package":"a/b","Test":"TestX"}
{"Action":"skip","Package":"a/b","Test":"TestOld"}`, true, "1 skipped"},
		{"other skip", `{"Action":"pass","Package":"a/b","Test":"TestX"}
{"Action":"skip","Package":"a/b","Test":"TestNew"}`, false, "b.TestNew: not among the allowed skips"},
		{"does not build", `{"Action":"pass","Package":"a/b","Test":"TestX"}
{"ImportPath":"a/c","Action":"build-output","Output":"undefined: x\n"}
{"ImportPath":"a/c","Action":"build-fail"}
{"Action":"fail","Package":"a/c"}`, false, "FAIL  a/c."},
		{"nothing ran", ``, false, "no test ran"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			g := gate{allowed: map[string]string{"b.TestOld": "reason"}, out: &out, output: map[string]*strings.Builder{}}
			if err := g.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			if good := g.verdict(); good != c.good || !strings.Contains(out.String(), c.shows) {
				t.Errorf("good is %v, printed:\n%s", good, out.String())
			}
		})
	}
}
