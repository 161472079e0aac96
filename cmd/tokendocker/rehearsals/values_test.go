package rehearsals

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// values are what a build argument must carry byte for byte.
var values = []string{
	"two  words ", `double " and single ' quotes`, "first\nsecond\n", "carriage\r\nreturn", "a\ttab", "$(id)", "`id`", "${X} $X $$",
	"%{x} 100%", `back\slash \n`, "combining e\u0301 and \u212b", "emoji \U0001F680\U0001F468\u200d\U0001F469", "-leading", "--build-arg=X", "=", "#comment", "",
	`{"json": ["a", 1]}`, "a;b&c|d>e<f*?[!]~", "\ufeffmark",
}

// TestValues sends every value through the real build, once as a literal of the template and once as an attribute
// that only the deploy knows, and reads the bytes back from the image in the registry.
func TestValues(t *testing.T) {
	t.Parallel()
	// Text that does not compress: a buildspec holds 25,600 characters, so it gets a builder of its own each time.
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \n\"'$"
	random := rand.New(rand.NewPCG(1, 2))
	long := make([]byte, 15_000)
	for i := range long {
		long[i] = letters[random.IntN(len(letters))]
	}
	short := caseBuilder{ID: "Short", Path: "short", Args: map[string]caseArgument{}}
	literal := caseBuilder{ID: "LongLiteral", Path: "long", Args: map[string]caseArgument{"LONG": {Literal: text(string(long))}}}
	attribute := caseBuilder{ID: "LongAttribute", Path: "long", Args: map[string]caseArgument{"LONG": {Topic: "Long"}}}
	dockerfile, run := "FROM busybox:1\n", "RUN mkdir /values"
	var sets []string
	for i, value := range values {
		l, a := fmt.Sprintf("L%d", i), fmt.Sprintf("A%d", i)
		short.Args[l], short.Args[a] = caseArgument{Literal: text(value)}, caseArgument{Topic: "T" + a}
		sets = append(sets, "--set", "Values.T"+a+".TopicName="+value)
		for _, name := range []string{l, a} {
			dockerfile += "ARG " + name + "=default\n"
			run += fmt.Sprintf(` && printf %%s "$%s" > /values/%s`, name, name)
		}
	}
	sets = append(sets, "--set", "Values.Long.TopicName="+string(long))
	r := newApp(t, caseApp{Stack: "Values", Builders: []caseBuilder{short, literal, attribute}}, map[string]string{
		"short/Dockerfile": dockerfile + run + "\n",
		"long/Dockerfile":  "FROM busybox:1\nARG LONG\nRUN printf %s \"$LONG\" > /long\n",
	})
	o := r.rehearse(nil, sets...).wantExit(0)
	image := o.image("Values/Short")
	for i, value := range values {
		for _, name := range []string{fmt.Sprintf("L%d", i), fmt.Sprintf("A%d", i)} {
			if got := o.file(image, "/values/"+name); string(got) != value {
				t.Errorf("%s: the image holds %q, want %q", name, got, value)
			}
		}
	}
	for _, builder := range []string{"Values/LongLiteral", "Values/LongAttribute"} {
		if got := o.file(o.image(builder), "/long"); string(got) != string(long) {
			t.Errorf("%s: the image holds %d bytes that differ from the %d given", builder, len(got), len(long))
		}
	}
	// One value, one image: how it came into the template is no part of what it is.
	if a, b := o.image("Values/LongLiteral"), o.image("Values/LongAttribute"); a.Tag != b.Tag {
		t.Errorf("the same value gave the tags %s and %s", a.Tag, b.Tag)
	}
}

// TestImpossibleValues gives values that no build argument can hold.
func TestImpossibleValues(t *testing.T) {
	t.Parallel()
	app, files := one("FROM busybox:1\nARG A\nRUN true\n")
	r := newApp(t, app, files)
	random := rand.New(rand.NewPCG(3, 4))
	huge := make([]byte, 40_000)
	for i := range huge {
		huge[i] = byte('!' + random.IntN(90))
	}
	cases := []struct {
		name, literal, attribute string
		exit                     int
		says                     []string
	}{
		{"NUL literal", "a\x00b", "", 3, []string{"[One/Web]", `"A"`, "NUL"}},
		{"invalid UTF-8 attribute", "", "a\xffb", 2, []string{"One.T.TopicName", "UTF-8"}},
		{"too long literal", string(huge), "", 3, []string{"[One/Web]", `"A" with 40000 bytes`, "25600"}},
		{"too long attribute", "", string(huge), 4, []string{`"A" with 40000 bytes`, "25600"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r.t = t
			var args []string
			if c.literal != "" {
				app.Builders[0].Args["A"] = caseArgument{Literal: text(c.literal)}
			} else {
				app.Builders[0].Args["A"] = caseArgument{Topic: "T"}
				args = []string{"--set", "One.T.TopicName=" + c.attribute}
			}
			r.change(app)
			o := r.rehearse(nil, args...).wantExit(c.exit)
			for _, want := range c.says {
				if said := o.summary.Error + o.stderr; !strings.Contains(said, want) {
					t.Errorf("said %q, want %s", said, want)
				}
			}
		})
	}
}
