package resource_test

import (
	"encoding/json"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

func TestScalars(t *testing.T) {
	type all struct {
		N resource.Number
		F resource.Flag
		S resource.String
	}
	for _, c := range []struct {
		text string
		want all
		bad  string
	}{
		{text: `{"N":30,"F":true,"S":"8080"}`, want: all{30, true, "8080"}},
		{text: `{"N":"30","F":"true","S":8080}`, want: all{30, true, "8080"}},
		{text: `{"S":"a \"b\" \u00e4"}`, want: all{S: `a "b" ä`}},
		{text: `{"S":true}`, want: all{S: "true"}},
		{text: `{"N":null,"F":null,"S":null}`},
		{text: `{}`},
		{text: `{"N":"many"}`, bad: `"many" is not a whole number`},
		{text: `{"N":1.5}`, bad: `1.5 is not a whole number`},
		{text: `{"F":"perhaps"}`, bad: `"perhaps" is neither true nor false`},
	} {
		var got all
		err := json.Unmarshal([]byte(c.text), &got)
		switch {
		case c.bad != "" && (err == nil || err.Error() != c.bad):
			t.Errorf("%s: %v, want %s", c.text, err, c.bad)
		case c.bad == "" && (err != nil || got != c.want):
			t.Errorf("%s: %+v, %v", c.text, got, err)
		}
	}
	for value, want := range map[any]string{nil: "", "a": "a", true: "true", json.Number("1000000"): "1000000"} {
		if got := resource.Text(value); got != want {
			t.Errorf("%v is %q", value, got)
		}
	}
}
