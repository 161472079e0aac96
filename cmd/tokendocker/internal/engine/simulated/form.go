package simulated

import (
	_ "embed" // the table
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

//go:embed forms.txt
var forms string

//nolint:gochecknoglobals // a constant, read when it is first needed
var formOf = sync.OnceValue(func() map[string]string {
	table := map[string]string{}
	for line := range strings.Lines(forms) {
		if key, form, ok := strings.Cut(strings.TrimSpace(line), " "); ok && key != "#" {
			table[key] = form
		}
	}
	return table
})

// slot is what stands in braces in a form:
//
//	{partition} {region} {account} {suffix}  the stack's
//	{short}                                  the region in few letters, as in host names of caches ("use1")
//	{scope}                                  a web ACL's: "regional" or "global"
//	{name} {name:32} {lowname:63}            the resource's own name, cut to a length; with small letters only
//	{id} {last}                              what Ref gives, and its part after the last slash or colon
//	{hex:17} {lower:10} {upper:13} ...       as many characters of an alphabet (alphabets)
//	{host}                                   twelve that all host names of the account in this region have in common
//	{uuid} {byte}                            a UUID, a number from 1 to 254
//	{.Property} {.Property|default}          the property of that name; what it is without one, else the resource's own name
//
// What is made up differs between the attributes of a resource, unless a last word says what it is of: {hex:17:dns}.
var slot = regexp.MustCompile(`\{(\.?)(\w+)(?::(\d+))?(?::([a-z]+))?(?:\|(\w+))?\}`)

//nolint:gochecknoglobals // a constant
var alphabets = map[string]string{"hex": hex, "lower": lower, "upper": upper, "digits": "0123456789", "upperhex": "0123456789ABCDEF",
	"mixed": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"}

// fill makes the text of a form. Salt keeps the made-up values of one resource apart.
func fill(r resource.Request, salt, form string) string {
	return slot.ReplaceAllStringFunc(form, func(text string) string {
		part := slot.FindStringSubmatch(text)
		if part[1] == "." && part[5] == "" {
			return property(r, part[2], nameOf(r))
		} else if part[1] == "." {
			return property(r, part[2], part[5])
		}
		of := salt
		if part[4] != "" {
			of = part[4]
		}
		n, _ := strconv.Atoi(part[3]) // the expression lets digits through only
		if alphabet, ok := alphabets[part[2]]; ok {
			return characters(r, of, n, alphabet)
		}
		return word(r, part[2], of, n)
	})
}

// property returns a property's text, or what it is where the template does not give it.
func property(r resource.Request, name, otherwise string) string {
	if given := r.Properties[name]; given != nil {
		return fmt.Sprint(given)
	}
	return otherwise
}

// word makes what one of a form's words stands for.
func word(r resource.Request, word, salt string, n int) string {
	switch word {
	case "partition":
		return r.Stack.Partition
	case "region":
		return r.Stack.Region
	case "account":
		return r.Stack.Account
	case "suffix":
		return r.Stack.URLSuffix
	case "short":
		return short(r.Stack.Region)
	case "scope":
		if r.Properties["Scope"] == "CLOUDFRONT" {
			return "global"
		}
		return "regional"
	case "name":
		return shorten(nameOf(r), n)
	case "lowname":
		return shorten(strings.ToLower(nameOf(r)), n)
	case "id":
		return r.PhysicalID
	case "last":
		return last(r.PhysicalID)
	case "host":
		return host(r)
	case "uuid":
		return uuid(r, salt)
	case "byte":
		number, _ := strconv.ParseUint(characters(r, salt, 4, hex), 16, 16) // four digits
		return strconv.FormatUint(1+number%254, 10)
	}
	return "{" + word + "}" // a test reads the table
}

// host makes the characters that the host names of an account's databases have in common.
func host(r resource.Request) string {
	r.Stack.Name, r.LogicalID, r.Properties = "", "", nil
	return characters(r, "rds", 12, lower)
}

// short is the form of a region's name in host names of caches, "use1" for us-east-1.
func short(region string) string {
	words := strings.Split(region, "-")
	out := words[0]
	for _, word := range words[1:] {
		switch word {
		case "northeast", "northwest", "southeast", "southwest":
			out += word[:1] + word[5:6]
		default:
			out += word[:1]
		}
	}
	return out
}

// shorten cuts a name to n characters, so that its end, which tells it from others, stays. 0 is no limit.
func shorten(name string, n int) string {
	const end = 9 // the hyphen, and the characters that nameOf makes up
	if n == 0 || len(name) <= n {
		return name
	}
	return strings.Trim(name[:n-end], "-") + name[len(name)-end:]
}
