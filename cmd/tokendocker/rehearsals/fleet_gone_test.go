package rehearsals

import (
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// remains are the tables of the state in which something may be left after everything was deleted, with the reason.
var remains = map[string]string{
	"cloudformation.deleted":   "deleted stacks can be looked at for ninety days",
	"cloudformation.events":    "the same",
	"cloudformation.templates": "the same",
	"codebuild.builds":         "builds outlive their project",
	"ecr.repositories":         "the repository of CDK's bootstrap stack",
	"engine.images":            "the report's memory",
	"engine.place":             "where the state folder stands",
	"iam-calls":                "what the report says of roles",
	"iam-used":                 "what the report says of permissions",
	"kms-keys":                 "keys wait for their deletion for seven days or more",
	"log-groups":               "Lambda and CodeBuild make groups of their own, which nobody deletes",
	"s3-buckets":               "the bucket of CDK's bootstrap stack",
	"s3-objects":               "assets in it",
	"states-executions":        "executions can be looked at for ninety days",
	"states-histories":         "the same",
	"state":                    "the folder's format",
}

// there lists what the engine's rooms have: tables and keys of the state.
func (f *fleetRun) there() map[string]bool {
	f.t.Helper()
	out := map[string]bool{}
	f.tables(func(table string, b *bbolt.Bucket) error {
		return b.ForEach(func(key, raw []byte) error {
			out[table+" "+string(key)] = !strings.Contains(string(raw), `"Gone":true`)
			return nil
		})
	})
	return out
}

// checkThere checks that the rooms have what they had: a roll-back takes away nothing of others. What it leaves is what
// remains of deleted stacks too.
func (f *fleetRun) checkThere(before map[string]bool) {
	f.t.Helper()
	after := f.there()
	for key := range before {
		if before[key] && !after[key] {
			f.t.Errorf("after the roll-back there is no %s", key)
		}
	}
	for key := range after {
		table, _, _ := strings.Cut(key, " ")
		if after[key] && !before[key] && (remains[table] == "" || table == "s3-buckets") {
			f.t.Errorf("the roll-back left %s", key)
		}
	}
}

// ofTheAccount are buckets and repositories that no stack of the app has made.
var ofTheAccount = []string{"cdk-hnb659fds-", "cloudformation-custom-resource-response-"}

// checkGone looks at what is left after all stacks were deleted.
func (f *fleetRun) checkGone(gone outcome) {
	f.t.Helper()
	for _, pair := range f.app.order {
		f.checkOrder(gone, pair[1], "DELETE_COMPLETE", pair[0], "DELETE_IN_PROGRESS")
	}
	f.tables(func(table string, b *bbolt.Bucket) error {
		return b.ForEach(func(key, raw []byte) error {
			among := func(names []string) bool {
				return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(table+" "+string(key), name) })
			}
			allowed := remains[table] != "" && (table != "s3-buckets" && table != "ecr.repositories" || among(ofTheAccount))
			gone := table == "ec2.things" && strings.Contains(string(raw), `"Gone":true`) // EC2 shows what is gone for a while
			if !allowed && !gone && !among(f.app.kept) {
				f.t.Errorf("the table %s still has %s: %s", table, key, raw)
			}
			return nil
		})
	})
}
