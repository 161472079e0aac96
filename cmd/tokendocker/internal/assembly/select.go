package assembly

import (
	"regexp"
	"strings"
)

// Select returns the assembly with those stacks only that a pattern fits, and those that they depend on. A pattern is a
// stack's name, or a construct path in which * stands for anything but a slash and ** for anything, as for the CDK
// CLI. The patterns that fit no stack are returned too.
func (a *Assembly) Select(patterns []string) (selected *Assembly, unknown []string) {
	wanted := map[string]bool{} // by key
	for _, pattern := range patterns {
		fits, found := fitting(pattern), false
		for _, s := range a.Stacks {
			if s.Name == pattern || fits.MatchString(s.ID) {
				wanted[s.key], found = true, true
			}
		}
		if !found {
			unknown = append(unknown, pattern)
		}
	}
	selected = &Assembly{Dir: a.Dir}
	for i := len(a.Stacks) - 1; i >= 0; i-- { // what depends on a stack comes after it
		if s := a.Stacks[i]; wanted[s.key] {
			for _, key := range s.dependsOn {
				wanted[key] = true
			}
		}
	}
	for _, s := range a.Stacks {
		if wanted[s.key] {
			selected.Stacks = append(selected.Stacks, s)
		}
	}
	return selected, unknown
}

// fitting makes a regular expression of a pattern.
func fitting(pattern string) *regexp.Regexp {
	text := regexp.QuoteMeta(pattern)
	text = strings.NewReplacer(`\*\*`, ".*", `\*`, "[^/]*", `\?`, "[^/]").Replace(text)
	return regexp.MustCompile("^" + text + "$") // of quoted text and our own
}
