package tokendocker

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// values are texts that somewhere on the way something would change, were it not for base64.
var values = map[string]string{
	"EMPTY":     "",
	"BLANKS":    "  a  b ",
	"QUOTES":    `say "hi", it's`,
	"NEWLINES":  "one\ntwo\r\nthree\n",
	"TAB":       "a\tb",
	"COMMAND":   "$(id) `id`",
	"VARIABLE":  "${X} $X %{x} %s",
	"SUB":       "${AWS::Region} {{resolve:ssm:x}}",
	"BACKSLASH": `a\b\\c`,
	"COMBINING": "e\u0301 \u212b",
	"EMOJI":     "🚀",
	"DASH":      "-x",
	"EQUALS":    "a=b",
	"HASH":      "# no comment",
	"LONG":      strings.Repeat("lorem ipsum ", 1250),
}

// TestRequest: what the handler decodes after CloudFormation has resolved the template is what the app said, and
// both sides find the same tag.
func TestRequest(t *testing.T) {
	stack := newStack(t)
	topic := awssns.NewTopic(stack, jsii.String("Topic"), nil)
	args := map[string]*string{}
	for name, value := range values {
		args[name] = jsii.String(value)
	}
	args["JOINED"] = jsii.String("<" + *topic.TopicArn() + ">é<" + *topic.TopicName() + ">")
	args["NUMBER"] = jsii.String(fmt.Sprintf("no. %v", *awscdk.Token_AsNumber(topic.TopicName())))
	args["LATE"] = awscdk.Lazy_String(&lazyText{"später"}, nil)
	newBuilder(stack, "B", args)

	resources, text := template(t, stack)
	for _, r := range text {
		if r >= 0x80 {
			t.Fatal("the template is not ASCII")
		}
	}
	topicID, _ := only(t, resources, "AWS::SNS::Topic")
	_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
	data, err := json.Marshal(deploy(build.Properties["Request"], topicID))
	if err != nil {
		t.Fatal(err)
	}
	request, err := contract.Decode(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}

	want := map[string]string{"JOINED": "<the topic>é<the topic>", "NUMBER": "no. the topic", "LATE": "später"}
	for name, value := range values {
		want[name] = value
	}
	for _, a := range request.Args {
		got, err := a.Bytes()
		if err != nil || string(got) != want[a.Name] {
			t.Errorf("%s arrives as %.60q (%v), want %.60q", a.Name, got, err, want[a.Name])
		}
	}
	if len(request.Args) != len(want) {
		t.Errorf("%d arguments arrive, want %d", len(request.Args), len(want))
	}
}

// lazyText is a text that is asked for late.
type lazyText struct{ text string }

func (l *lazyText) Produce() *string { return &l.text }

// deploy resolves a value of a template as CloudFormation would, with one topic.
func deploy(value any, topic string) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = deploy(v[i], topic)
		}
		return list
	case map[string]any:
		if references(v, topic) && len(v) == 1 && (v["Ref"] != nil || v["Fn::GetAtt"] != nil) {
			return "the topic"
		}
		if get, ok := v["Fn::GetAtt"].([]any); ok && get[1] == "RepositoryUri" {
			return "123456789012.dkr.ecr.us-east-1.amazonaws.com/image"
		}
		for name := range v {
			if name == "Ref" || strings.HasPrefix(name, "Fn::") {
				return "resolved"
			}
		}
		fields := map[string]any{}
		for name, field := range v {
			fields[name] = deploy(field, topic)
		}
		return fields
	}
	return value
}

// TestSameTag: the tag depends on nothing that differs between two apps with the same inputs.
func TestSameTag(t *testing.T) {
	tag := func(id string, args map[string]*string) string {
		stack := newStack(t)
		newBuilder(stack, id, args)
		resources, _ := template(t, stack)
		_, build := only(t, resources, "Custom::TokenInjectableDockerBuilder")
		data, err := json.Marshal(deploy(build.Properties["Request"], ""))
		if err != nil {
			t.Fatal(err)
		}
		request, err := contract.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		tag, err := contract.Tag(request)
		if err != nil {
			t.Fatal(err)
		}
		return tag
	}
	one := tag("One", map[string]*string{"A": jsii.String("1"), "B": jsii.String("2")})
	if two := tag("Two", map[string]*string{"B": jsii.String("2"), "A": jsii.String("1")}); two != one {
		t.Errorf("the same inputs have the tags %s and %s", one, two)
	}
	if other := tag("One", map[string]*string{"A": jsii.String("1"), "B": jsii.String("3")}); other == one {
		t.Error("another value has the same tag")
	}
}
