package pattern_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events/pattern"
)

const (
	operators = "EventBridge User Guide, Comparison operators for use in event patterns, 2026-11"
	patterns  = "EventBridge User Guide, Creating event patterns, 2026-11"
	ruler     = "aws/event-ruler, README, 2026-11"
)

// TestMatch is the marked case table: which events a pattern is about.
func TestMatch(t *testing.T) {
	cases := []struct {
		name, source, limit, pattern, event string
		want                                bool
	}{
		{name: "one of a list", source: patterns, pattern: `{"state":["initializing","running"]}`, event: `{"state":"running","other":1}`, want: true},
		{name: "none of a list", source: patterns, pattern: `{"state":["initializing","running"]}`, event: `{"state":"stopped"}`, want: false},
		{name: "all fields", source: patterns, pattern: `{"a":["x"],"b":["y"]}`, event: `{"a":"x","b":"z"}`, want: false},
		{name: "nested", source: patterns, pattern: `{"detail":{"state":["running"]}}`, event: `{"detail":{"state":"running"}}`, want: true},
		{name: "nested, and not there", source: patterns, pattern: `{"detail":{"state":["running"]}}`, event: `{"detail":"running"}`, want: false},
		{name: "case matters", source: patterns, pattern: `{"a":["X"]}`, event: `{"a":"x"}`, want: false},
		{name: "number is no text", source: patterns, pattern: `{"a":["1"]}`, event: `{"a":1}`, want: false},
		{name: "numbers by value", source: ruler, pattern: `{"a":[300]}`, event: `{"a":3.0e2}`, want: true},
		{name: "number of many digits", source: ruler, pattern: `{"a":[123456789012345678]}`, event: `{"a":123456789012345678}`, want: true},
		{name: "null", source: operators, pattern: `{"a":[null]}`, event: `{"a":null}`, want: true},
		{name: "null is not empty", source: operators, pattern: `{"a":[null]}`, event: `{"a":""}`, want: false},
		{name: "empty", source: operators, pattern: `{"a":[""]}`, event: `{"a":""}`, want: true},
		{name: "true", source: patterns, pattern: `{"a":[true]}`, event: `{"a":true}`, want: true},
		{name: "true is no text", source: patterns, pattern: `{"a":[true]}`, event: `{"a":"true"}`, want: false},

		{name: "array has one", source: "EventBridge User Guide, Event patterns, arrays, 2026-11", pattern: `{"resources":["r1","r3"]}`, event: `{"resources":["r2","r3"]}`, want: true},
		{name: "array has none", source: "EventBridge User Guide, Event patterns, arrays, 2026-11", pattern: `{"resources":["r1"]}`, event: `{"resources":["r2","r3"]}`, want: false},
		{name: "empty array", source: "EventBridge User Guide, Event patterns, arrays, 2026-11", pattern: `{"resources":[null]}`, event: `{"resources":[]}`, want: false},
		{name: "one element of objects", source: ruler, pattern: `{"people":{"first":["a"],"last":["b"]}}`, event: `{"people":[{"first":"a","last":"x"},{"first":"a","last":"b"}]}`, want: true},
		{name: "parts of two elements", source: ruler, pattern: `{"people":{"first":["a"],"last":["b"]}}`, event: `{"people":[{"first":"a","last":"x"},{"first":"y","last":"b"}]}`, want: false},

		{name: "prefix", source: operators, pattern: `{"time":[{"prefix":"2017-10-02"}]}`, event: `{"time":"2017-10-02T16:24:49Z"}`, want: true},
		{name: "prefix, case matters", source: operators, pattern: `{"a":[{"prefix":"X"}]}`, event: `{"a":"xy"}`, want: false},
		{name: "prefix in any case", source: operators, pattern: `{"a":[{"prefix":{"equals-ignore-case":"EventB"}}]}`, event: `{"a":"eventbridge"}`, want: true},
		{name: "prefix of a number", source: ruler, pattern: `{"a":[{"prefix":"1"}]}`, event: `{"a":12}`, want: false},
		{name: "suffix", source: operators, pattern: `{"file":[{"suffix":".png"}]}`, event: `{"file":"a.png"}`, want: true},
		{name: "suffix in any case", source: operators, pattern: `{"file":[{"suffix":{"equals-ignore-case":".png"}}]}`, event: `{"file":"a.PNG"}`, want: true},
		{name: "not the suffix", source: operators, pattern: `{"file":[{"suffix":".png"}]}`, event: `{"file":"a.png.gz"}`, want: false},
		{name: "equals in any case", source: operators, pattern: `{"a":[{"equals-ignore-case":"alice"}]}`, event: `{"a":"ALICE"}`, want: true},
		{name: "equals in any case, another", source: operators, pattern: `{"a":[{"equals-ignore-case":"alice"}]}`, event: `{"a":"ALICES"}`, want: false},

		{name: "wildcard", source: operators, pattern: `{"a":[{"wildcard":"dir/*.png"}]}`, event: `{"a":"dir/x.y.png"}`, want: true},
		{name: "wildcard, nothing between", source: operators, pattern: `{"a":[{"wildcard":"dir/*.png"}]}`, event: `{"a":"dir/.png"}`, want: true},
		{name: "several wildcards", source: operators, pattern: `{"a":[{"wildcard":"*/bin/*.sh"}]}`, event: `{"a":"usr/bin/bin/a.sh"}`, want: true},
		{name: "wildcards in the wrong order", source: operators, pattern: `{"a":[{"wildcard":"a*b*c"}]}`, event: `{"a":"acb"}`, want: false},
		{name: "wildcard parts overlap", source: operators, pattern: `{"a":[{"wildcard":"ab*ba"}]}`, event: `{"a":"aba"}`, want: false},
		{name: "escaped wildcard", source: operators, pattern: `{"a":[{"wildcard":"hi\\*there\\\\x*"}]}`, event: `{"a":"hi*there\\xyz"}`, want: true},
		{name: "escaped wildcard is itself", source: operators, pattern: `{"a":[{"wildcard":"hi\\*"}]}`, event: `{"a":"hi-"}`, want: false},

		{name: "anything but", source: operators, pattern: `{"a":[{"anything-but":"x"}]}`, event: `{"a":"y"}`, want: true},
		{name: "anything but this", source: operators, pattern: `{"a":[{"anything-but":"x"}]}`, event: `{"a":"x"}`, want: false},
		{name: "anything but, not there", source: "localstack/localstack, content_anything_but_string_missing_NEG, validated on AWS, 2026-11", pattern: `{"a":[{"anything-but":"x"}]}`, event: `{"b":"x"}`, want: false},
		{name: "anything but, null", source: "localstack/localstack, content_anything_but_string_null, validated on AWS, 2026-11", pattern: `{"a":[{"anything-but":"x"}]}`, event: `{"a":null}`, want: true},
		{name: "anything but a number", source: operators, pattern: `{"a":[{"anything-but":123}]}`, event: `{"a":123.0}`, want: false},
		{name: "anything but a list", source: operators, pattern: `{"a":[{"anything-but":["x","y"]}]}`, event: `{"a":"y"}`, want: false},
		{name: "anything but numbers", source: operators, pattern: `{"a":[{"anything-but":[100,200]}]}`, event: `{"a":300}`, want: true},
		{name: "anything but in an array", source: ruler, pattern: `{"a":[{"anything-but":"x"}]}`, event: `{"a":["x","y"]}`, want: true},
		{name: "anything but a prefix", source: operators, pattern: `{"a":[{"anything-but":{"prefix":"init"}}]}`, event: `{"a":"initializing"}`, want: false},
		{name: "anything but a prefix, a number", source: "localstack/localstack, content_anything_prefix_int_value, validated on AWS, 2026-11", pattern: `{"a":[{"anything-but":{"prefix":"init"}}]}`, event: `{"a":123}`, want: true},
		{name: "anything but prefixes", source: operators, pattern: `{"a":[{"anything-but":{"prefix":["x","y"]}}]}`, event: `{"a":"ya"}`, want: false},
		{name: "anything but suffixes", source: operators, pattern: `{"a":[{"anything-but":{"suffix":[".txt",".rtf"]}}]}`, event: `{"a":"a.png"}`, want: true},
		{name: "anything but in any case", source: operators, pattern: `{"a":[{"anything-but":{"equals-ignore-case":["x","y"]}}]}`, event: `{"a":"Y"}`, want: false},
		{name: "anything but a wildcard", source: operators, pattern: `{"a":[{"anything-but":{"wildcard":"*/lib/*"}}]}`, event: `{"a":"usr/lib/x"}`, want: false},
		{name: "anything but wildcards", source: operators, pattern: `{"a":[{"anything-but":{"wildcard":["*/lib/*","*/bin/*"]}}]}`, event: `{"a":"usr/share/x"}`, want: true},

		{name: "numeric range", source: operators, pattern: `{"a":[{"numeric":[">",0,"<=",5]}]}`, event: `{"a":5}`, want: true},
		{name: "numeric range, open", source: operators, pattern: `{"a":[{"numeric":[">",0,"<=",5]}]}`, event: `{"a":0}`, want: false},
		{name: "numeric less", source: operators, pattern: `{"a":[{"numeric":["<",10]}]}`, event: `{"a":-9.5}`, want: true},
		{name: "numeric less, open", source: operators, pattern: `{"a":[{"numeric":["<",10]}]}`, event: `{"a":10}`, want: false},
		{name: "numeric at least", source: operators, pattern: `{"a":[{"numeric":[">=",10]}]}`, event: `{"a":10}`, want: true},
		{name: "numeric equal", source: operators, pattern: `{"a":[{"numeric":["=",3.018e2]}]}`, event: `{"a":301.8}`, want: true},
		{name: "numeric of a text", source: operators, pattern: `{"a":[{"numeric":["=",3]}]}`, event: `{"a":"3"}`, want: false},

		{name: "address", source: operators, pattern: `{"a":[{"cidr":"10.0.0.0/24"}]}`, event: `{"a":"10.0.0.255"}`, want: true},
		{name: "other address", source: operators, pattern: `{"a":[{"cidr":"10.0.0.0/24"}]}`, event: `{"a":"10.0.1.0"}`, want: false},
		{name: "IPv6 address", source: ruler, pattern: `{"a":[{"cidr":"2001:db8::/32"}]}`, event: `{"a":"2001:db8:1::1"}`, want: true},
		{name: "no address", source: operators, pattern: `{"a":[{"cidr":"10.0.0.0/24"}]}`, event: `{"a":"ten"}`, want: false},

		{name: "exists", source: operators, pattern: `{"a":[{"exists":true}]}`, event: `{"a":null}`, want: true},
		{name: "exists, not there", source: operators, pattern: `{"a":[{"exists":true}]}`, event: `{"b":1}`, want: false},
		{name: "exists only of leaves", source: ruler, pattern: `{"a":[{"exists":true}]}`, event: `{"a":{"b":1}}`, want: false},
		{name: "exists not", source: operators, pattern: `{"a":{"b":[{"exists":false}]}}`, event: `{"c":1}`, want: true},
		{name: "exists not, of no leaf", source: ruler, pattern: `{"a":[{"exists":false}]}`, event: `{"a":{"b":1}}`, want: true},
		{name: "exists not, there", source: operators, pattern: `{"a":{"b":[{"exists":false}]}}`, event: `{"a":{"b":1}}`, want: false},
		{name: "exists not or a value", source: ruler, pattern: `{"a":["x",{"exists":false}]}`, event: `{"b":1}`, want: true},
		{name: "exists not in one of several objects", source: ruler, limit: "an element without the field is enough; AWS's matcher looks at all elements", pattern: `{"a":{"b":[{"exists":false}]}}`, event: `{"a":[{"b":1},{"c":1}]}`, want: true},

		{name: "or, the first", source: operators, pattern: `{"$or":[{"a":["x"]},{"b":["y"]}]}`, event: `{"a":"x"}`, want: true},
		{name: "or, none", source: operators, pattern: `{"$or":[{"a":["x"]},{"b":["y"]}]}`, event: `{"a":"y"}`, want: false},
		{name: "or, and a field", source: ruler, pattern: `{"source":["s"],"$or":[{"a":["x"]},{"b":["y"]}]}`, event: `{"source":"t","a":"x"}`, want: false},
		{name: "or below", source: ruler, pattern: `{"detail":{"$or":[{"a":["x"]},{"b":[{"numeric":[">",1]}]}]}}`, event: `{"detail":{"b":2}}`, want: true},
		{name: "or in or", source: ruler, pattern: `{"$or":[{"a":["x"]},{"b":["y"],"$or":[{"c":[1]},{"d":[2]}]}]}`, event: `{"b":"y","d":2}`, want: true},
		{name: "or that is a field", source: ruler, pattern: `{"$or":[{"prefix":"a"},{"suffix":"b"}]}`, event: `{"$or":"abc"}`, want: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p, err := pattern.Parse(c.pattern)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.Match([]byte(c.event))
			if err != nil || got != c.want {
				t.Errorf("%s about %s: %v, %v, want %v", c.pattern, c.event, got, err, c.want)
			}
		})
	}
}

// TestParse is what is no pattern, with the reason that EventBridge gives.
func TestParse(t *testing.T) {
	const compiler = "aws/event-ruler, JsonRuleCompiler.java, 2026-11"
	cases := []struct{ name, source, pattern, want string }{
		{name: "a value instead of a list", source: "https://github.com/buildkite/docs/pull/896, 2026-11", pattern: `{"source":["test.event-pattern"],"detail":{"lenderId":"LenderA"}}`,
			want: "\"lenderId\" must be an object or an array\n at [Source: (String)\"{\"source\":[\"test.event-pattern\"],\"detail\":{\"lenderId\":\"LenderA\"}}\"; line: 1, column: 56]"},
		{name: "empty object", source: "cloud-custodian/cloud-custodian#6507", pattern: `{"source": ["aws.health"], "detail": {}}`,
			want: "Empty objects are not allowed\n at [Source: (String)\"{\"source\": [\"aws.health\"], \"detail\": {}}\"; line: 1, column: 40]"},
		{name: "nothing", source: compiler, pattern: `{}`, want: "Empty objects are not allowed"},
		{name: "empty list", source: compiler, pattern: `{"a":[]}`, want: "Empty arrays are not allowed"},
		{name: "list of lists", source: compiler, pattern: `{"a":[["x"]]}`, want: "Match value must be String, number, true, false, or null"},
		{name: "no object", source: compiler, pattern: `["a"]`, want: "Filter is not an object"},
		{name: "unknown operator", source: compiler, pattern: `{"a":[{"starts-with":"x"}]}`, want: "Unrecognized match type starts-with"},
		{name: "two operators", source: compiler, pattern: `{"a":[{"prefix":"x","suffix":"y"}]}`, want: "Only one key allowed in match expression"},
		{name: "no operator", source: compiler, pattern: `{"a":[{}]}`, want: "Match expression name not found"},
		{name: "prefix of a number", source: compiler, pattern: `{"a":[{"prefix":1}]}`, want: "prefix match pattern must be a string"},
		{name: "exists of a text", source: compiler, pattern: `{"a":[{"exists":"true"}]}`, want: "exists match pattern must be either true or false."},
		{name: "anything but null", source: compiler, pattern: `{"a":[{"anything-but":null}]}`, want: "Value of anything-but must be an array or single string/number value."},
		{name: "anything but a mixed list", source: compiler, pattern: `{"a":[{"anything-but":["x",1]}]}`, want: "Inside anything but list, either all values are number or string, mixed type is not supported"},
		{name: "anything but a list with null", source: compiler, pattern: `{"a":[{"anything-but":["x",null]}]}`, want: "Inside anything but list, start|null|boolean is not supported."},
		{name: "anything but an empty prefix", source: compiler, pattern: `{"a":[{"anything-but":{"prefix":""}}]}`, want: "Null prefix/suffix not allowed"},
		{name: "anything but a range", source: compiler, pattern: `{"a":[{"anything-but":{"numeric":["<",1]}}]}`, want: "Unsupported anything-but pattern: numeric"},
		{name: "numeric without a list", source: compiler, pattern: `{"a":[{"numeric":1}]}`, want: "Value of numeric must be an array."},
		{name: "numeric operator", source: compiler, pattern: `{"a":[{"numeric":["!",1]}]}`, want: "Unrecognized numeric range operator: !"},
		{name: "numeric without a number", source: compiler, pattern: `{"a":[{"numeric":["<","1"]}]}`, want: "Value of < must be numeric"},
		{name: "numeric upside down", source: compiler, pattern: `{"a":[{"numeric":[">",5,"<",1]}]}`, want: "Bottom must be less than top"},
		{name: "numeric with two lower bounds", source: compiler, pattern: `{"a":[{"numeric":[">",1,">",2]}]}`, want: "Bad numeric range operator: >"},
		{name: "numeric with too much", source: compiler, pattern: `{"a":[{"numeric":["<",1,"<",2]}]}`, want: "Too many elements in numeric expression"},
		{name: "numeric too large", source: "EventBridge User Guide, Comparison operators for use in event patterns, 2026-11", pattern: `{"a":[{"numeric":["<",6e9]}]}`, want: "Value must be between -5.0E9 and 5.0E9, inclusive"},
		{name: "network without bits", source: compiler, pattern: `{"a":[{"cidr":"10.0.0.0"}]}`, want: "Malformed CIDR, one '/' required"},
		{name: "network with strange bits", source: compiler, pattern: `{"a":[{"cidr":"10.0.0.0/x"}]}`, want: "Malformed CIDR, mask bits must be an integer"},
		{name: "two wildcards", source: compiler, pattern: `{"a":[{"wildcard":"a**b"}]}`, want: "Consecutive wildcard characters at pos 1"},
		{name: "strange escape", source: compiler, pattern: `{"a":[{"wildcard":"a\\b"}]}`, want: "Invalid escape character at pos 1"},
		{name: "cut off", source: "none: the words are ours", pattern: `{"a":["x"`, want: "Unexpected end-of-input"},
		{name: "no JSON", source: "none: the words are ours", pattern: `{"a":[x]}`, want: "Invalid JSON: "},
		{name: "more than one", source: "none: the words are ours", pattern: `{"a":["x"]}{`, want: "Unexpected text after the pattern"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := pattern.Parse(c.pattern); err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
		})
	}
}

// TestEventThatIsNone is an error, not a mismatch.
func TestEventThatIsNone(t *testing.T) {
	p, err := pattern.Parse(`{"a":["x"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Match([]byte(`["a"]`)); err == nil {
		t.Error("an array is an event")
	}
}

// FuzzParse: whatever text is a pattern, matching by it ends, and a pattern about anything that there is matches what
// it was made from.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[{"prefix":"x"}],"$or":[{"b":[1]},{"c":[{"numeric":[">",1,"<=",2]}]}]}`, `{"a":[{"anything-but":{"wildcard":"*x\\*"}}]}`,
		`{"a":{"b":[null,true,"",1e5,{"exists":false},{"cidr":"::/0"}]}}`, `{"$or":{"a":[1]}}`} {
		f.Add(seed, `{"a":"x","b":[1,[2]],"c":{"d":null}}`)
	}
	f.Fuzz(func(t *testing.T, text, event string) {
		p, err := pattern.Parse(text)
		if err != nil {
			return
		}
		if !json.Valid([]byte(text)) {
			t.Errorf("%q is no JSON and a pattern", text)
		}
		again, err := p.Match([]byte(event))
		if once, _ := p.Match([]byte(event)); err == nil && once != again {
			t.Errorf("%q about %q: %v and %v", text, event, once, again)
		}
	})
}
