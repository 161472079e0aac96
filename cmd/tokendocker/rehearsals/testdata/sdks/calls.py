"""Makes everyday calls of boto3 to the engine that the environment leads to, and says where an answer is not as the
service's own model has it: members that the model does not know, of another type or null, required ones that are
missing, and errors where there should be none or another one. It prints one line for each, and nothing if all is well;
on standard error stands how many answers were compared.
"""

import io
import json
import os
import sys
import time
import urllib.request

import boto3
from botocore.config import Config

import model
from model import call, check, client, found, pages

def s3():
    def do(method, **arguments):
        return call("s3", method, Bucket="books", **arguments)

    do("head_bucket", error="404")
    do("create_bucket")
    do("head_bucket")
    check("list_buckets", any(b["Name"] == "books" for b in call("s3", "list_buckets").get("Buckets", [])))
    do("get_bucket_location")
    do("get_bucket_versioning")
    do("get_bucket_encryption")
    do("get_bucket_tagging", error="NoSuchTagSet")
    do("put_bucket_tagging", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    do("get_bucket_tagging")
    do("delete_bucket_tagging")
    do("get_bucket_policy", error="NoSuchBucketPolicy")
    do("get_bucket_cors", error="NoSuchCORSConfiguration")
    do("get_bucket_lifecycle_configuration", error="NoSuchLifecycleConfiguration")
    do("get_bucket_website", error="NoSuchWebsiteConfiguration")
    do("get_bucket_acl")
    do("get_public_access_block")
    do("get_bucket_ownership_controls")
    do("get_bucket_notification_configuration")
    do("put_bucket_cors", CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]})
    check("get_bucket_cors", len(do("get_bucket_cors").get("CORSRules", [])) == 1)
    do("put_bucket_lifecycle_configuration", LifecycleConfiguration={"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]})
    do("get_bucket_lifecycle_configuration")
    do("delete_bucket_lifecycle")
    do("list_objects_v2")
    do("list_objects")
    do("list_object_versions")
    do("list_multipart_uploads")
    check("an empty list", do("list_objects_v2").get("KeyCount") == 0)
    do("head_object", Key="none", error="404")
    do("get_object", Key="none", error="NoSuchKey")
    do("delete_object", Key="none")
    for key in ("a/1", "a/2", "b & <c>/ü 3", "d"):
        do("put_object", Key=key, Body=b"hello " + key.encode(), ContentType="text/plain", Metadata={"kind": "test"})
    do("put_object", Key="d", Body=b"x", IfNoneMatch="*", error="PreconditionFailed")
    got = do("get_object", Key="b & <c>/ü 3")
    check("get_object", got and got["Body"].read() == "hello b & <c>/ü 3".encode() and got["Metadata"] == {"kind": "test"})
    check("a range", (do("get_object", Key="d", Range="bytes=0-4") or {}).get("ContentRange") == "bytes 0-4/7")
    do("get_object", Key="d", Range="bytes=99-", error="InvalidRange")
    do("get_object", Key="d", IfMatch='"0"', error="PreconditionFailed")
    do("head_object", Key="d")

    do("get_object_tagging", Key="d")
    do("put_object_tagging", Key="d", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    check("get_object_tagging", do("get_object_tagging", Key="d").get("TagSet") == [{"Key": "a", "Value": "b"}])
    do("delete_object_tagging", Key="d")
    do("copy_object", Key="e", CopySource={"Bucket": "books", "Key": "a/1"})
    do("copy_object", Key="f", CopySource={"Bucket": "books", "Key": "none"}, error="NoSuchKey")
    pages("s3", "list_objects_v2", "Contents", 5, Bucket="books", PaginationConfig={"PageSize": 2})
    pages("s3", "list_objects", "Contents", 5, Bucket="books", PaginationConfig={"PageSize": 2})
    pages("s3", "list_object_versions", "Versions", 5, Bucket="books", PaginationConfig={"PageSize": 2})
    pages("s3", "list_objects_v2", "CommonPrefixes", 2, Bucket="books", Delimiter="/", PaginationConfig={"PageSize": 1})
    keys = [o["Key"] for o in do("list_object_versions").get("Versions", [])]
    check("list_object_versions", "b & <c>/ü 3" in keys)
    upload = do("create_multipart_upload", Key="big")
    if upload:
        part = do("upload_part", Key="big", UploadId=upload["UploadId"], PartNumber=1, Body=b"part")
        do("list_parts", Key="big", UploadId=upload["UploadId"])
        do("list_multipart_uploads")
        do("complete_multipart_upload", Key="big", UploadId=upload["UploadId"], MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part.get("ETag", "")}]})
        do("complete_multipart_upload", Key="big", UploadId="none", MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}, error="NoSuchUpload")
    do("delete_bucket", error="BucketNotEmpty")
    do("delete_objects", Delete={"Objects": [{"Key": k} for k in keys + ["big"]]})
    do("delete_bucket")
    do("list_objects_v2", error="NoSuchBucket")


def transfers():
    """What the SDK itself makes of several calls: parts, ranges, waiters, pages and signed URLs."""
    s3, data = client("s3"), os.urandom(12 << 20)
    s3.create_bucket(Bucket="transfers")
    s3.upload_fileobj(io.BytesIO(data), "transfers", "big")
    s3.copy({"Bucket": "transfers", "Key": "big"}, "transfers", "copy")
    for key in ("big", "copy"):
        back = io.BytesIO()
        s3.download_fileobj("transfers", key, back)
        check(f"the bytes of {key}", back.getvalue() == data)
    signing = boto3.client("s3", config=Config(signature_version="s3v4"))
    url = signing.generate_presigned_url("get_object", Params={"Bucket": "transfers", "Key": "big"})
    check("a signed URL", urllib.request.urlopen(url).read() == data)
    s3.get_waiter("object_exists").wait(Bucket="transfers", Key="copy")
    bucket = boto3.resource("s3").Bucket("transfers")
    check("all keys", sorted(o.key for o in bucket.objects.all()) == ["big", "copy"])
    bucket.object_versions.delete()
    bucket.delete()
    s3.create_bucket(Bucket="abroad", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="abroad", Key="a", Body=b"1")  # the SDK finds out where the bucket is
    s3.delete_object(Bucket="abroad", Key="a")
    s3.delete_bucket(Bucket="abroad")


def ssm():
    call("ssm", "get_parameter", Name="/none", error="ParameterNotFound")
    call("ssm", "delete_parameter", Name="/none", error="ParameterNotFound")
    for n in range(12):
        call("ssm", "put_parameter", Name=f"/app/p{n:02}", Value="v", Type="String", Description="one", Tags=[{"Key": "a", "Value": "b"}])
    call("ssm", "put_parameter", Name="/app/p00", Value="w", Type="String", error="ParameterAlreadyExists")
    call("ssm", "put_parameter", Name="/app/p00", Value="w", Overwrite=True)
    call("ssm", "put_parameter", Name="/app/secret", Value="w", Type="SecureString")
    call("ssm", "get_parameter", Name="/app/p00")
    check("a version", call("ssm", "get_parameter", Name="/app/p00:1").get("Parameter", {}).get("Value") == "v")
    call("ssm", "get_parameter", Name="/app/p00:9", error="ParameterVersionNotFound")
    call("ssm", "get_parameter", Name="/app/secret", WithDecryption=True)
    check("get_parameters", call("ssm", "get_parameters", Names=["/app/p00", "/none", "/app/p00:9"]).get("InvalidParameters") == ["/none", "/app/p00:9"])
    pages("ssm", "get_parameters_by_path", "Parameters", 13, Path="/app")
    call("ssm", "get_parameters_by_path", Path="/app", MaxResults=10)
    pages("ssm", "describe_parameters", "Parameters", 13, PaginationConfig={"PageSize": 10})
    call("ssm", "describe_parameters", ParameterFilters=[{"Key": "Name", "Option": "BeginsWith", "Values": ["/app/p0"]}])
    pages("ssm", "get_parameter_history", "Parameters", 2, Name="/app/p00")
    call("ssm", "label_parameter_version", Name="/app/p00", ParameterVersion=1, Labels=["first"])
    check("a label", call("ssm", "get_parameter", Name="/app/p00:first").get("Parameter", {}).get("Value") == "v")
    call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId="/app/p01")
    check("no tags", call("ssm", "list_tags_for_resource", ResourceType="Parameter", ResourceId="/app/secret").get("TagList") == [])
    call("ssm", "add_tags_to_resource", ResourceType="Parameter", ResourceId="/app/p01", Tags=[{"Key": "c", "Value": "d"}])
    call("ssm", "remove_tags_from_resource", ResourceType="Parameter", ResourceId="/app/p01", TagKeys=["c"])
    call("ssm", "delete_parameter", Name="/app/p00")
    call("ssm", "delete_parameters", Names=[f"/app/p{n:02}" for n in range(1, 11)])


def secretsmanager():
    def do(method, **arguments):
        return call("secretsmanager", method, **arguments)

    do("get_secret_value", SecretId="none", error="ResourceNotFoundException")
    arn = do("create_secret", Name="db", SecretString="one", Description="it", Tags=[{"Key": "a", "Value": "b"}]).get("ARN", "db")
    do("create_secret", Name="db", SecretString="one", error="ResourceExistsException")
    do("create_secret", Name="raw", SecretBinary=b"\x00\x01")
    check("SecretBinary", do("get_secret_value", SecretId="raw").get("SecretBinary") == b"\x00\x01")
    do("create_secret", Name="empty")
    do("get_secret_value", SecretId="empty", error="ResourceNotFoundException")
    do("get_secret_value", SecretId="db")
    do("get_secret_value", SecretId="db", VersionStage="AWSPREVIOUS", error="ResourceNotFoundException")
    do("get_secret_value", SecretId=arn[:-7])
    token = "11111111-2222-3333-4444-555555555555"
    check("ClientRequestToken", do("put_secret_value", SecretId="db", SecretString="two", ClientRequestToken=token).get("VersionId") == token)
    do("put_secret_value", SecretId="db", SecretString="two", ClientRequestToken=token)
    do("put_secret_value", SecretId="db", SecretString="three", ClientRequestToken=token, error="ResourceExistsException")
    check("AWSPREVIOUS", do("get_secret_value", SecretId="db", VersionStage="AWSPREVIOUS").get("SecretString") == "one")
    pending = do("put_secret_value", SecretId="db", SecretString="next", VersionStages=["AWSPENDING"]).get("VersionId", token)
    check("AWSPENDING", do("get_secret_value", SecretId="db").get("SecretString") == "two")
    do("update_secret_version_stage", SecretId="db", VersionStage="AWSCURRENT", MoveToVersionId=pending, RemoveFromVersionId=token)
    check("AWSCURRENT", do("get_secret_value", SecretId="db").get("SecretString") == "next")
    do("update_secret", SecretId="db", SecretString="four", Description="now")
    described = do("describe_secret", SecretId="db")
    check("describe_secret", described.get("Description") == "now" and described.get("Tags") == [{"Key": "a", "Value": "b"}])
    pages("secretsmanager", "list_secrets", "SecretList", 3, PaginationConfig={"PageSize": 2})
    check("a filter", len(do("list_secrets", Filters=[{"Key": "name", "Values": ["d"]}]).get("SecretList", [])) == 1)
    do("list_secret_version_ids", SecretId="db")
    do("get_random_password", PasswordLength=20, ExcludePunctuation=True)
    do("tag_resource", SecretId="db", Tags=[{"Key": "c", "Value": "d"}])
    do("untag_resource", SecretId="db", TagKeys=["c"])
    do("get_resource_policy", SecretId="db")
    do("put_resource_policy", SecretId="db", ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account()}, "Action": "secretsmanager:*", "Resource": "*"}]}))
    do("get_resource_policy", SecretId="db")
    do("delete_resource_policy", SecretId="db")
    do("delete_secret", SecretId="db", RecoveryWindowInDays=7)
    do("get_secret_value", SecretId="db", error="InvalidRequestException")
    do("create_secret", Name="db", SecretString="x", error="InvalidRequestException")
    do("describe_secret", SecretId="db")
    do("restore_secret", SecretId="db")
    for name in ("db", "raw", "empty"):
        do("delete_secret", SecretId=name, ForceDeleteWithoutRecovery=True)
    do("describe_secret", SecretId="db", error="ResourceNotFoundException")


def kms():
    def do(method, **arguments):
        return call("kms", method, **arguments)

    do("describe_key", KeyId="alias/none", error="NotFoundException")
    key = do("create_key", Description="mine", Tags=[{"TagKey": "a", "TagValue": "b"}]).get("KeyMetadata", {}).get("KeyId", "alias/aws/s3")
    do("create_alias", AliasName="alias/mine", TargetKeyId=key)
    do("create_alias", AliasName="alias/mine", TargetKeyId=key, error="AlreadyExistsException")
    do("update_alias", AliasName="alias/mine", TargetKeyId=key)
    do("describe_key", KeyId="alias/mine")
    do("describe_key", KeyId="alias/aws/s3")
    do("list_keys")
    do("list_aliases")
    do("list_aliases", KeyId=key)
    blob = do("encrypt", KeyId="alias/mine", Plaintext=b"text", EncryptionContext={"a": "b"}).get("CiphertextBlob", b"x")
    check("decrypt", do("decrypt", CiphertextBlob=blob, EncryptionContext={"a": "b"}).get("Plaintext") == b"text")
    do("decrypt", CiphertextBlob=blob, error="InvalidCiphertextException")
    do("re_encrypt", CiphertextBlob=blob, SourceEncryptionContext={"a": "b"}, DestinationKeyId=key)
    do("generate_data_key", KeyId=key, KeySpec="AES_256")
    do("generate_data_key_without_plaintext", KeyId=key, KeySpec="AES_256")
    do("generate_random", NumberOfBytes=8)
    do("get_key_policy", KeyId=key, PolicyName="default")
    do("list_key_policies", KeyId=key)
    do("get_key_rotation_status", KeyId=key)
    do("enable_key_rotation", KeyId=key)
    do("disable_key_rotation", KeyId=key)
    do("list_resource_tags", KeyId=key)
    do("tag_resource", KeyId=key, Tags=[{"TagKey": "c", "TagValue": "d"}])
    do("untag_resource", KeyId=key, TagKeys=["c"])
    do("update_key_description", KeyId=key, Description="other")
    grant = do("create_grant", KeyId=key, GranteePrincipal=f"arn:aws:iam::{account()}:root", Operations=["Decrypt"]).get("GrantId", "x")
    do("list_grants", KeyId=key)
    do("revoke_grant", KeyId=key, GrantId=grant)
    do("disable_key", KeyId=key)
    do("encrypt", KeyId=key, Plaintext=b"text", error="DisabledException")
    do("enable_key", KeyId=key)
    do("schedule_key_deletion", KeyId=key, PendingWindowInDays=7)
    do("encrypt", KeyId=key, Plaintext=b"text", error="KMSInvalidStateException")
    do("cancel_key_deletion", KeyId=key)
    do("delete_alias", AliasName="alias/mine")
    do("delete_alias", AliasName="alias/mine", error="NotFoundException")


def logs():
    def do(method, **arguments):
        return call("logs", method, **arguments)

    do("create_log_group", logGroupName="app", tags={"a": "b"})
    do("create_log_group", logGroupName="app", error="ResourceAlreadyExistsException")
    do("describe_log_groups", logGroupNamePrefix="app")
    do("describe_log_groups", limit=51, error="InvalidParameterException")
    do("put_retention_policy", logGroupName="app", retentionInDays=7)
    do("put_retention_policy", logGroupName="none", retentionInDays=7, error="ResourceNotFoundException")
    do("delete_retention_policy", logGroupName="app")
    arn = f"arn:aws:logs:{boto3.session.Session().region_name}:{account()}:log-group:app"
    do("list_tags_for_resource", resourceArn=arn)
    do("tag_resource", resourceArn=arn, tags={"c": "d"})
    do("untag_resource", resourceArn=arn, tagKeys=["c"])
    do("list_tags_log_group", logGroupName="app")
    for name in ("one", "two"):
        do("create_log_stream", logGroupName="app", logStreamName=name)
    do("create_log_stream", logGroupName="none", logStreamName="one", error="ResourceNotFoundException")
    now = int(time.time() * 1000)
    do("put_log_events", logGroupName="app", logStreamName="one", logEvents=[{"timestamp": now + i, "message": f"line {i}"} for i in range(5)])
    do("put_log_events", logGroupName="app", logStreamName="two", logEvents=[{"timestamp": now - 15 * 86400000, "message": "old"}])
    do("put_log_events", logGroupName="app", logStreamName="two", logEvents=[{"timestamp": now - 2 * 86400000, "message": "old"}, {"timestamp": now, "message": "new"}], error="InvalidParameterException")
    do("put_log_events", logGroupName="app", logStreamName="none", logEvents=[{"timestamp": now, "message": "x"}], error="ResourceNotFoundException")
    pages("logs", "describe_log_streams", "logStreams", 2, logGroupName="app", PaginationConfig={"PageSize": 1})
    do("describe_log_streams", logGroupName="app", orderBy="LastEventTime", descending=True)
    do("get_log_events", logGroupName="app", logStreamName="one", startFromHead=True, limit=2)
    pages("logs", "filter_log_events", "events", 5, logGroupName="app", PaginationConfig={"PageSize": 2})
    do("filter_log_events", logGroupIdentifier=arn, filterPattern="line")
    do("delete_log_stream", logGroupName="app", logStreamName="two")
    do("delete_log_group", logGroupName="app")
    do("delete_log_group", logGroupName="app", error="ResourceNotFoundException")


def sts():
    call("sts", "get_caller_identity")
    call("sts", "assume_role", RoleArn=f"arn:aws:iam::{account()}:role/none", RoleSessionName="ss", error="AccessDenied")


def account():
    return client("sts").get_caller_identity()["Account"]


def iam():
    def do(method, **arguments):
        return call("iam", method, **arguments)

    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account(), "Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
    doc = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
    do("get_role", RoleName="none", error="NoSuchEntity")
    do("create_role", RoleName="worker", AssumeRolePolicyDocument=trust, Description="it", Tags=[{"Key": "a", "Value": "b"}])
    do("create_role", RoleName="worker", AssumeRolePolicyDocument=trust, error="EntityAlreadyExists")
    do("create_role", RoleName="bad", AssumeRolePolicyDocument="{", error="MalformedPolicyDocument")
    do("get_role", RoleName="worker")
    do("list_roles")
    do("update_role", RoleName="worker", Description="other")
    do("put_role_policy", RoleName="worker", PolicyName="inline", PolicyDocument=doc)
    do("get_role_policy", RoleName="worker", PolicyName="inline")
    do("get_role_policy", RoleName="worker", PolicyName="none", error="NoSuchEntity")
    do("list_role_policies", RoleName="worker")
    arn = do("create_policy", PolicyName="managed", PolicyDocument=doc).get("Policy", {}).get("Arn", f"arn:aws:iam::{account()}:policy/managed")
    do("get_policy", PolicyArn=arn)
    do("get_policy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    do("get_policy_version", PolicyArn=arn, VersionId="v1")
    do("list_policies", Scope="Local")
    do("attach_role_policy", RoleName="worker", PolicyArn=arn)
    do("list_attached_role_policies", RoleName="worker")
    do("list_role_tags", RoleName="worker")
    do("tag_role", RoleName="worker", Tags=[{"Key": "c", "Value": "d"}])
    do("untag_role", RoleName="worker", TagKeys=["c"])
    do("update_assume_role_policy", RoleName="worker", PolicyDocument=trust)
    do("list_instance_profiles_for_role", RoleName="worker")
    got = call("sts", "assume_role", RoleArn=f"arn:aws:iam::{account()}:role/worker", RoleSessionName="ss")
    check("assume_role", "Credentials" in got)
    do("delete_role", RoleName="worker", error="DeleteConflict")
    do("detach_role_policy", RoleName="worker", PolicyArn=arn)
    do("delete_policy", PolicyArn=arn)
    do("delete_role_policy", RoleName="worker", PolicyName="inline")
    do("delete_role", RoleName="worker")
    do("delete_role", RoleName="worker", error="NoSuchEntity")
    do("list_account_aliases")
    do("list_open_id_connect_providers")


def ec2():
    for method in ("describe_vpcs", "describe_subnets", "describe_security_groups", "describe_route_tables", "describe_availability_zones",
                   "describe_network_interfaces", "describe_vpc_endpoints", "describe_vpn_gateways", "describe_nat_gateways",
                   "describe_internet_gateways"):
        call("ec2", method)
    vpc = call("ec2", "describe_vpcs", Filters=[{"Name": "isDefault", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    check("subnets of a VPC", len(call("ec2", "describe_subnets", Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]) == 3)
    group = call("ec2", "describe_security_groups", Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0]["GroupId"]
    rule = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=rule)
    call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=rule, error="InvalidPermission.Duplicate")
    call("ec2", "revoke_security_group_ingress", GroupId=group, IpPermissions=rule)
    call("ec2", "describe_vpcs", VpcIds=["vpc-0123456789abcdef0"], error="InvalidVpcID.NotFound")
    call("ec2", "describe_images", Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023*"]}])
    call("ec2", "describe_vpc_endpoint_services", ServiceNames=["com.amazonaws.us-east-1.s3"])
    check("a wildcard", len(call("ec2", "describe_vpcs", Filters=[{"Name": "cidr", "Values": ["172.31.*"]}])["Vpcs"]) == 1)


def cloudformation():
    def do(method, **arguments):
        return call("cloudformation", method, **arguments)

    template = json.dumps({"Parameters": {"Name": {"Type": "String", "Default": "q"}}, "Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": {"Ref": "Name"}}}}, "Outputs": {"O": {"Value": {"Ref": "P"}, "Export": {"Name": "o"}}}})
    do("describe_stacks", StackName="none", error="ValidationError")
    do("describe_stacks")
    do("validate_template", TemplateBody=template)
    do("get_template_summary", TemplateBody=template)
    do("create_stack", StackName="s", TemplateBody=template, Tags=[{"Key": "a", "Value": "b"}])
    client("cloudformation").get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    do("create_stack", StackName="s", TemplateBody=template, error="AlreadyExistsException")
    do("describe_stacks", StackName="s")
    do("describe_stack_events", StackName="s")
    do("describe_stack_resources", StackName="s")
    do("describe_stack_resource", StackName="s", LogicalResourceId="P")
    do("list_stack_resources", StackName="s")
    do("list_stacks")
    do("list_exports")
    do("get_template", StackName="s")
    do("get_stack_policy", StackName="s")
    do("update_stack", StackName="s", UsePreviousTemplate=True, error="ValidationError")
    do("create_change_set", StackName="s", ChangeSetName="c", UsePreviousTemplate=True, Parameters=[{"ParameterKey": "Name", "ParameterValue": "r"}])
    client("cloudformation").get_waiter("change_set_create_complete").wait(StackName="s", ChangeSetName="c", WaiterConfig={"Delay": 1})
    do("describe_change_set", StackName="s", ChangeSetName="c")
    do("list_change_sets", StackName="s")
    do("execute_change_set", StackName="s", ChangeSetName="c")
    client("cloudformation").get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    do("detect_stack_drift", StackName="s")
    do("delete_stack", StackName="s")
    client("cloudformation").get_waiter("stack_delete_complete").wait(StackName="s", WaiterConfig={"Delay": 1})


def machines():
    trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com", "codebuild.amazonaws.com"]}, "Action": "sts:AssumeRole"}]})
    role = call("iam", "create_role", RoleName="doer", AssumeRolePolicyDocument=trust).get("Role", {}).get("Arn", f"arn:aws:iam::{account()}:role/doer")
    do = lambda method, **arguments: call("stepfunctions", method, **arguments)
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
    do("describe_state_machine", stateMachineArn=f"arn:aws:states:us-east-1:{account()}:stateMachine:none", error="StateMachineDoesNotExist")
    arn = do("create_state_machine", name="m", definition=definition, roleArn=role).get("stateMachineArn")
    if arn:
        do("describe_state_machine", stateMachineArn=arn)
        do("list_state_machines")
        run = do("start_execution", stateMachineArn=arn, input="{}").get("executionArn")
        time.sleep(0.5)
        do("describe_execution", executionArn=run)
        do("get_execution_history", executionArn=run)
        do("list_executions", stateMachineArn=arn)
        do("delete_state_machine", stateMachineArn=arn)
    do = lambda method, **arguments: call("lambda", method, **arguments)
    do("get_function", FunctionName="none", error="ResourceNotFoundException")
    do("invoke", FunctionName="none", error="ResourceNotFoundException")
    do = lambda method, **arguments: call("codebuild", method, **arguments)
    do("list_projects")
    do("list_builds")
    do("batch_get_projects", names=["none"])
    do("batch_get_builds", ids=["none:1"])
    do("start_build", projectName="none", error="ResourceNotFoundException")
    call("iam", "delete_role", RoleName="doer")


def ecr():
    do = lambda method, **arguments: call("ecr", method, **arguments)
    do("describe_repositories", repositoryNames=["none"], error="RepositoryNotFoundException")
    do("create_repository", repositoryName="app", tags=[{"Key": "a", "Value": "b"}])
    do("create_repository", repositoryName="app", error="RepositoryAlreadyExistsException")
    do("describe_repositories")
    do("get_authorization_token")
    do("list_images", repositoryName="app")
    do("describe_images", repositoryName="app")
    do("describe_images", repositoryName="app", imageIds=[{"imageTag": "x"}], error="ImageNotFoundException")
    do("batch_get_image", repositoryName="app", imageIds=[{"imageTag": "x"}])
    do("batch_delete_image", repositoryName="app", imageIds=[{"imageTag": "x"}])
    do("batch_check_layer_availability", repositoryName="app", layerDigests=["sha256:" + "0" * 64])
    do("get_repository_policy", repositoryName="app", error="RepositoryPolicyNotFoundException")
    do("get_lifecycle_policy", repositoryName="app", error="LifecyclePolicyNotFoundException")
    do("put_lifecycle_policy", repositoryName="app", lifecyclePolicyText=json.dumps({"rules": [{"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}, "action": {"type": "expire"}}]}))
    do("get_lifecycle_policy", repositoryName="app")
    do("put_image_scanning_configuration", repositoryName="app", imageScanningConfiguration={"scanOnPush": True})
    do("put_image_tag_mutability", repositoryName="app", imageTagMutability="IMMUTABLE")
    do("list_tags_for_resource", resourceArn=f"arn:aws:ecr:{boto3.session.Session().region_name}:{account()}:repository/app")
    do("describe_registry")
    do("describe_pull_through_cache_rules")
    do("delete_repository", repositoryName="app")


if __name__ == "__main__":
    groups = [s3, transfers, ssm, secretsmanager, kms, logs, sts, iam, ec2, cloudformation, machines, ecr]
    for group in groups:
        if len(sys.argv) > 1 and group.__name__ not in sys.argv[1:]:
            continue
        try:
            group()
        except Exception as e:
            found(group.__name__, f"{type(e).__name__}: {e}")
    print(*model.findings, sep="\n")
    print(f"{model.made} answers", file=sys.stderr)
