package intrinsic_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/intrinsic"
)

// TestSizes: a short template does not make texts that exhaust the process that reads it, nor does it take for ever.
func TestSizes(t *testing.T) {
	nested := func(deep int, format string) string {
		value := `"x"`
		for range deep {
			value = fmt.Sprintf(format, value)
		}
		return value
	}
	commas := strings.Repeat(",", 20_000)
	for name, value := range map[string]string{
		"Sub":          nested(60, `{"Fn::Sub": ["${V}${V}", {"V": %s}]}`),
		"Join":         `{"Fn::Join": ["` + commas + `", {"Fn::Split": [",", "` + commas + `"]}]}`,
		"Base64":       nested(60, `{"Fn::Base64": %s}`),
		"ToJsonString": nested(60, `{"Fn::ToJsonString": %s}`),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := intrinsic.Evaluate(parse(t, value), world{extended: true})
			if err == nil || !strings.Contains(err.Error(), "Fn::"+name+" makes a text of") {
				t.Errorf("got %v", err)
			}
		})
	}
	if text, err := intrinsic.Evaluate(parse(t, nested(60, `{"Fn::Sub": ["${V}", {"V": %s}]}`)), world{}); err != nil || text != "x" {
		t.Errorf("got %v, %v", text, err)
	}
}
