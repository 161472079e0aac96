package ssm_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"
)

// TestVersions is the marked case table of versions and their labels: "a" has the versions one, two and three, of which
// the first has the label "first".
func TestVersions(t *testing.T) {
	const page = "AWS Systems Manager User Guide, Working with parameter labels in Parameter Store, 2026-11"
	a := aws.String("a")
	label := func(version int64, labels ...string) func(*awsssm.Client) (string, error) {
		return func(c *awsssm.Client) (string, error) {
			out, err := c.LabelParameterVersion(ctx, &awsssm.LabelParameterVersionInput{Name: a, ParameterVersion: &version, Labels: labels})
			if err != nil {
				return "", err
			}
			return strconv.FormatInt(out.ParameterVersion, 10) + strings.Join(out.InvalidLabels, ","), nil
		}
	}
	get := func(name string) func(*awsssm.Client) (string, error) {
		return func(c *awsssm.Client) (string, error) {
			out, err := c.GetParameter(ctx, &awsssm.GetParameterInput{Name: &name})
			if err != nil {
				return "", err
			}
			return aws.ToString(out.Parameter.Value) + aws.ToString(out.Parameter.Selector), nil
		}
	}
	cases := []struct {
		name, source, limit string
		before              func(*awsssm.Client) (string, error)
		do                  func(*awsssm.Client) (string, error)
		want, code          string
	}{
		{name: "by number", source: page, do: get("a:2"), want: "two:2"},
		{name: "by label", source: page, do: get("a:first"), want: "one:first"},
		{name: "by a label that there is not", source: "AWS Systems Manager API Reference, GetParameter, 2026-11", do: get("a:none"), code: "ParameterVersionNotFound"},
		{name: "a label moves", source: page, before: label(2, "first"), do: get("a:first"), want: "two:first"},
		{name: "labels that are none", source: "AWS Systems Manager API Reference, LabelParameterVersion, 2026-11", do: label(1, "1st", "awsome", "ok"), want: "11st,awsome"},
		{name: "too many labels", source: "AWS Systems Manager API Reference, LabelParameterVersion, 2026-11", before: label(1, "b", "c", "d", "e", "f", "g", "h", "i", "j"), do: label(1, "k"), code: "ParameterVersionLabelLimitExceeded"},
		{name: "a version that there is not", source: page, do: label(7, "x"), code: "ParameterVersionNotFound"},
		{name: "many, with versions that there are not", source: "AWS Systems Manager API Reference, GetParameters, InvalidParameters, 2026-11", want: "one a:9,b", do: func(c *awsssm.Client) (string, error) {
			out, err := c.GetParameters(ctx, &awsssm.GetParametersInput{Names: []string{"a:1", "a:9", "b"}})
			if err != nil {
				return "", err
			}
			return *out.Parameters[0].Value + " " + strings.Join(out.InvalidParameters, ","), nil
		}},
		{name: "text becomes no secret", source: "AWS Systems Manager API Reference, PutParameter, HierarchyTypeMismatchException, 2026-11", code: "HierarchyTypeMismatchException", do: func(c *awsssm.Client) (string, error) {
			return "", put(c, awsssm.PutParameterInput{Name: a, Value: aws.String("x"), Type: types.ParameterTypeSecureString, Overwrite: aws.Bool(true)})
		}},
		{name: "the oldest version has a label", source: "AWS Systems Manager API Reference, PutParameter, ParameterMaxVersionLimitExceeded, 2026-11", code: "ParameterMaxVersionLimitExceeded", do: func(c *awsssm.Client) (string, error) {
			for range 98 {
				if err := put(c, awsssm.PutParameterInput{Name: a, Value: aws.String("x"), Overwrite: aws.Bool(true)}); err != nil {
					return "", err
				}
			}
			return "", nil
		}},
		{name: "history", source: "AWS Systems Manager API Reference, GetParameterHistory, 2026-11", want: "1 one first 2 two  3 three ", do: func(c *awsssm.Client) (string, error) {
			var text []string
			pages := awsssm.NewGetParameterHistoryPaginator(c, &awsssm.GetParameterHistoryInput{Name: a, MaxResults: aws.Int32(2)})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return "", err
				}
				for _, v := range page.Parameters {
					text = append(text, strconv.FormatInt(v.Version, 10), *v.Value, strings.Join(v.Labels, ","))
				}
			}
			return strings.Join(text, " "), nil
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			client, _, _ := newRoom(t)
			for _, value := range []string{"one", "two", "three"} {
				if err := put(client, awsssm.PutParameterInput{Name: a, Value: &value, Overwrite: aws.Bool(true)}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := label(1, "first")(client); err != nil {
				t.Fatal(err)
			}
			if c.before != nil {
				if _, err := c.before(client); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := c.do(client); code(err) != c.code || got != c.want {
				t.Errorf("got %q, %v; want %q %s (%s)", got, err, c.want, c.code, c.source)
			}
		})
	}
}

// TestDescribe: parameters are found by what is known of them, and their values are not told.
func TestDescribe(t *testing.T) {
	client, _, front := newRoom(t)
	for name, kind := range map[string]types.ParameterType{"/app/a": "String", "/app/deep/b": "SecureString", "/other": "StringList"} {
		in := awsssm.PutParameterInput{Name: &name, Value: aws.String("hush"), Type: kind, Description: aws.String("about " + name)}
		if name == "/other" {
			in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}
		}
		if err := put(client, in); err != nil {
			t.Fatal(err)
		}
	}
	for filter, want := range map[[3]string][]string{
		{"Name", "BeginsWith", "/app"}:           {"/app/a", "/app/deep/b"},
		{"Name", "Contains", "deep"}:             {"/app/deep/b"},
		{"Path", "OneLevel", "/app"}:             {"/app/a"},
		{"Path", "Recursive", "/app"}:            {"/app/a", "/app/deep/b"},
		{"Type", "Equals", "SecureString"}:       {"/app/deep/b"},
		{"KeyId", "Equals", "alias/aws/ssm"}:     {"/app/deep/b"},
		{"tag:team", "Equals", "blue"}:           {"/other"},
		{"Name", "BeginsWith", "/app/nonesuch/"}: nil,
	} {
		out, err := client.DescribeParameters(ctx, &awsssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: &filter[0], Option: &filter[1], Values: []string{filter[2]}}}})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range out.Parameters {
			got = append(got, *p.Name)
			if *p.Description != "about "+*p.Name || *p.LastModifiedUser != front.Operator.ARN {
				t.Errorf("%+v", p)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%v: %s", filter, diff)
		}
	}
	_, err := client.DescribeParameters(ctx, &awsssm.DescribeParametersInput{ParameterFilters: []types.ParameterStringFilter{{Key: aws.String("Colour")}}})
	if code(err) != "InvalidFilterKey" {
		t.Error(err)
	}
}
