package codebuild

import (
	"regexp"
	"strings"
)

// glob reads a pattern of paths: "*" and "?" stand for parts of a name, "**" for any number of folders, [...] for one
// of some characters.
// Source: CodeBuild User Guide, "Build specification reference", artifacts/files.
func glob(pattern string) (*regexp.Regexp, error) {
	pattern = strings.TrimPrefix(strings.TrimSuffix(pattern, "/"), "./")
	var out strings.Builder
	out.WriteString(`\A`)
	for i := 0; i < len(pattern); i++ {
		rest := pattern[i:]
		end := strings.IndexByte(rest, ']')
		switch {
		case strings.HasPrefix(rest, "**/"):
			out.WriteString(`(?:[^/]+/)*`)
			i += len("**/") - 1
		case strings.HasPrefix(rest, "**"):
			out.WriteString(`.*`)
			i++
		case rest[0] == '*':
			out.WriteString(`[^/]*`)
		case rest[0] == '?':
			out.WriteString(`[^/]`)
		case rest[0] == '[' && end > 1:
			out.WriteString("[" + strings.Replace(strings.ReplaceAll(rest[1:end], `\`, `\\`), "!", "^", 1) + "]")
			i += end
		default:
			out.WriteString(regexp.QuoteMeta(rest[:1]))
		}
	}
	out.WriteString(`\z`)
	return regexp.Compile(out.String())
}

// matching returns the names that one of the patterns stands for, in the order of the names.
func matching(names, patterns []string) ([]string, error) {
	var out []string
	var expressions []*regexp.Regexp
	for _, p := range patterns {
		e, err := glob(p)
		if err != nil {
			return nil, fail(codeClient, "invalid pattern of artifact paths %q", p)
		}
		expressions = append(expressions, e)
	}
	for _, name := range names {
		for _, e := range expressions {
			if e.MatchString(name) {
				out = append(out, name)
				break
			}
		}
	}
	return out, nil
}
