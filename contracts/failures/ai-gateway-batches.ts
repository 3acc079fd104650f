import { defineFailures } from "@lyss/kit/errors/failure.ts";

/** What the gateway may answer where files and batches are concerned. */
export const batchFailures = defineFailures("ai_gateway", {
  file_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_063",
    text: {
      en_US: "There is no file '{id}'. It was removed, or belongs to somebody else. GET /v1/files lists yours.",
      zh_CN: "没有文件“{id}”：已被删除，或属于他人。您的文件见 GET /v1/files。",
    },
  },
  batch_not_found: {
    kind: "not_found",
    publicCode: "GATEWAY_064",
    text: {
      en_US: "There is no batch '{id}', or it belongs to somebody else. GET /v1/batches lists yours.",
      zh_CN: "没有批处理“{id}”，或属于他人。您的批处理见 GET /v1/batches。",
    },
  },
  batch_provider_missing: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_065",
    text: {
      en_US: "No provider of the model '{model}' takes batches here. Another model, or an ordinary call, works.",
      zh_CN: "此处没有为模型“{model}”提供批处理的供应商。可换用其他模型，或使用普通调用。",
    },
  },
  batch_file_invalid: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_066",
    text: {
      en_US: "Line {line} of the file: {reason}. Nothing of the file was kept.",
      zh_CN: "文件第 {line} 行：{reason}。文件未被保存。",
    },
  },
  batch_ended: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_067",
    httpStatus: 409,
    text: {
      en_US: "The batch '{id}' has ended as {status}: it cannot be cancelled any more.",
      zh_CN: "批处理“{id}”已结束（{status}），无法再取消。",
    },
  },
  batch_account_gone: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_068",
    httpStatus: 409,
    text: {
      en_US: "The provider account that holds this is not configured any more. Upload the file again.",
      zh_CN: "保存该内容的供应商账户已不再配置。请重新上传文件。",
    },
  },
  batch_too_large: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_117",
    httpStatus: 413,
    text: {
      en_US: "The provider of the model '{model}' takes no batch of {bytes} bytes. Divide its requests.",
      zh_CN: "模型“{model}”的供应商不接受 {bytes} 字节的批处理。请将请求拆分为多个批处理。",
    },
  },
  batch_refused: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_118",
    text: {
      en_US:
        "The provider of the model '{model}' refuses the requests of this batch as a whole: {reason}. Each of them was of a right form here; see what the provider's batches take.",
      zh_CN:
        "模型“{model}”的供应商整体拒绝了该批处理的请求：{reason}。各请求在此处的格式正确，请查看供应商对批处理的要求。",
    },
  },
  batch_not_ended: {
    kind: "failed_precondition",
    publicCode: "GATEWAY_119",
    httpStatus: 409,
    text: {
      en_US:
        "The batch '{id}' is under way: it has answers, and can be removed, once it has ended. Cancel it, or wait.",
      zh_CN: "批处理“{id}”仍在进行中：结束后才有结果，也才能删除。请取消或等待其结束。",
    },
  },
  batch_request_invalid: {
    kind: "invalid_argument",
    publicCode: "GATEWAY_120",
    text: {
      en_US: "Request {number} of the batch: {reason}. Nothing of the batch was kept.",
      zh_CN: "批处理中的第 {number} 个请求：{reason}。批处理未被保存。",
    },
  },
  too_many_files: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_069",
    httpStatus: 409,
    text: {
      en_US: "A tenant may have {limit} files. Remove some of them first.",
      zh_CN: "每个租户最多可有 {limit} 个文件。请先删除一些。",
    },
  },
  kept_files_full: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_131",
    httpStatus: 409,
    text: {
      en_US:
        "Files whose account takes none, and those of examples before a job is made of them, are kept here, and a tenant may have {limit} bytes of them; there is no room for {bytes} more. Remove some of them first.",
      zh_CN:
        "账户不接收文件的请求文件，以及尚未用于任务的示例文件，保存在此处，每个租户最多 {limit} 字节，无法再存 {bytes} 字节。请先删除一些。",
    },
  },
  too_many_batches: {
    kind: "resource_exhausted",
    publicCode: "GATEWAY_070",
    httpStatus: 409,
    text: {
      en_US: "A tenant may have {limit} batches under way. Wait for one to end, or cancel one.",
      zh_CN: "每个租户最多可有 {limit} 个进行中的批处理。请等待其结束或取消其中一个。",
    },
  },
});
