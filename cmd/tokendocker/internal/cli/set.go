package cli

import (
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

// override is one --set: a value that only AWS would know.
type override struct {
	Stack, LogicalID string
	Attribute        string // empty: what Ref gives
	Value            string
}

// parseSet reads STACK.LOGICALID[.ATTRIBUTE]=VALUE. An attribute may hold dots, a value anything.
func parseSet(text string) (override, error) {
	name, value, found := strings.Cut(text, "=")
	parts := strings.SplitN(name, ".", 3)
	if !found || len(parts) < 2 || parts[0] == "" || parts[1] == "" || len(parts) == 3 && parts[2] == "" {
		return override{}, fault.New(fault.Usage, "for example --set Shop.Api0123ABCD=abcdefghij",
			"--set %q is not STACK.LOGICALID[.ATTRIBUTE]=VALUE", text)
	}
	o := override{Stack: parts[0], LogicalID: parts[1], Value: value}
	if len(parts) == 3 {
		o.Attribute = parts[2]
	}
	return o, nil
}
