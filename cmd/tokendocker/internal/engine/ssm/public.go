package ssm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// public returns one of the parameters that AWS publishes: those that name machine images, which are made up, another
// one for each name and region. Others are not known here.
// Source: AWS Systems Manager User Guide, "Discovering public parameters in Parameter Store".
func (r *Room) public(region, name string) (output, bool) {
	kind, ok := strings.CutPrefix(name, "/aws/service/")
	if !ok || !strings.Contains(kind, "ami") && !strings.HasSuffix(kind, "/image_id") || strings.HasSuffix(kind, "/recommended") {
		return output{}, false
	}
	sum := sha256.Sum256([]byte(region + "\n" + name))
	return output{ARN: fmt.Sprintf("arn:%s:ssm:%s::parameter%s", r.Partition, region, name), Name: name, Type: "String", Version: 1,
		DataType: "aws:ec2:image", Value: "ami-" + hex.EncodeToString(sum[:])[:17]}, true
}
