package lambda

import (
	"fmt"
	"strconv"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

func text(p map[string]any, name string) string { return resource.Text(p[name]) }

func number(p map[string]any, name string, absent int) (int, error) {
	s := text(p, name)
	if s == "" {
		return absent, nil
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n != float64(int(n)) {
		return 0, fmt.Errorf("property %s is not a whole number: %q", name, s)
	}
	return int(n), nil
}

func object(p map[string]any, name string) map[string]any {
	m, _ := p[name].(map[string]any)
	return m
}

func list(p map[string]any, name string) []any {
	l, _ := p[name].([]any)
	return l
}
