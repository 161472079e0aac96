package tokendocker

import (
	"errors"
	"regexp"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// textToken is how CDK writes a token inside a text: of a string, or of a number that was printed. listToken is how it
// writes the element of a list (aws-cdk-lib, core/lib/private/encoding.ts).
var (
	textToken = regexp.MustCompile(`\$\{Token\[[a-zA-Z0-9:._-]+\]\}|-1\.\d{10,16}e\+289`)
	listToken = regexp.MustCompile(`#\{Token\[[a-zA-Z0-9:._-]+\]\}`)
)

// split cuts text into its literal parts and its tokens.
func split(text string) contract.Text {
	var parts contract.Text
	at := 0
	for _, m := range textToken.FindAllStringIndex(text, -1) {
		if m[0] > at {
			parts = append(parts, contract.Literal(text[at:m[0]]))
		}
		token := text[m[0]:m[1]]
		if number, err := strconv.ParseFloat(token, 64); err == nil {
			token = *awscdk.Token_AsString(number, nil)
		}
		parts = append(parts, contract.Value(token))
		at = m[1]
	}
	if at < len(text) {
		parts = append(parts, contract.Literal(text[at:]))
	}
	return parts
}

// settle turns tokens that stand for a text known at synth, such as that of a Lazy, into literal parts, so that their
// bytes do not stand in the template. Tokens that only AWS resolves stay as they are.
func settle(text contract.Text, stack awscdk.Stack) contract.Text {
	var parts contract.Text
	for _, part := range text {
		if known, ok := stack.Resolve(part.Value).(string); part.Value != "" && ok {
			part = contract.Literal(known)
		}
		parts = append(parts, part)
	}
	return parts
}

// literals keeps the literal parts of a text: what can be said about it at synth.
func literals(text contract.Text) contract.Text {
	var parts contract.Text
	for _, part := range text {
		if part.Value == "" {
			parts = append(parts, part)
		}
	}
	return parts
}

// checkText tells what is wrong with a text that is to travel to the build.
func checkText(text *string) error {
	if text == nil {
		return errNil
	}
	if listToken.MatchString(*text) {
		return errors.New("holds a token of a list: take one element with Fn_Select, or join them with Fn_Join")
	}
	_, err := literals(split(*text)).Bytes()
	return err
}
