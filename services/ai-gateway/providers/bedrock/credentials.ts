import type { AwsCredentials } from "./sign-request.ts";

/**
 * A provider's key as keys of AWS: `accessKeyId:secretAccessKey`, and `:sessionToken` after it for temporary ones. None of the three
 * has a colon. Undefined for a Bedrock API key, which is a bearer.
 */
export function readAwsCredentials(secret: string): AwsCredentials | undefined {
  const [accessKeyId = "", secretAccessKey, sessionToken] = secret.trim().split(":");
  return secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey, sessionToken };
}

const defaultRegion = "us-east-1";

/**
 * The region that an address of Bedrock names (`bedrock-runtime.eu-west-1.amazonaws.com`, also of FIPS, of China and of a VPC);
 * `us-east-1` for any other.
 */
export function regionOf(authority: string): string {
  return /(?:^|\.)bedrock-runtime(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d+)\./.exec(authority)?.[1] ?? defaultRegion;
}
