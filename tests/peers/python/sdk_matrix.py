"""Tries OpenAI's, Anthropic's and Google's SDKs at each place that standard input names, as JSON; prints a line of JSON for each attempt."""

import base64
import json
import sys
import traceback

import anthropic
import openai
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google

told = json.load(sys.stdin)
asked, thought, schema, image = told["asked"], told["thought"], told["schema"], told["image"]
openai_client = openai.OpenAI(base_url=f"{told['url']}/v1", api_key=told["apiKey"], max_retries=0)
anthropic_client = anthropic.Anthropic(base_url=told["url"], api_key=told["apiKey"], max_retries=0)
google_client = genai.Client(api_key=told["apiKey"], http_options=google.HttpOptions(base_url=told["url"]))


def equal(actual, expected):
    assert actual == expected, f"{actual!r} is not {expected!r}"


def includes(text, part):
    assert part in text, f"{text!r} has no {part!r}"


def rejects(call, kind):
    try:
        call()
    except kind as error:
        equal(error.code if isinstance(error, google_errors.APIError) else error.status_code, 429)
        return
    raise AssertionError(f"no {kind.__name__} was raised")


class Chat:
    package, name = "openai", "chat completions"
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": schema}}

    def ask(self, place, content, **more):
        messages = [{"role": "user", "content": content}]
        return openai_client.chat.completions.create(model=place["model"], messages=messages, **more)

    def chunks(self, place, content, **more):
        return list(self.ask(place, content, stream=True, stream_options={"include_usage": True}, **more))

    def text(self, place):
        answer = self.ask(place, asked["text"])
        equal([answer.model, answer.choices[0].finish_reason], [place["model"], "stop"])
        includes(answer.choices[0].message.content, "This is a simulated answer")

    def stream(self, place):
        whole = self.ask(place, asked["text"]).choices[0].message.content
        chunks = self.chunks(place, asked["text"])
        equal("".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices), whole)

    def tools(self, place):
        question = "Please get_weather"
        answer = self.ask(place, question, tools=[self.tool])
        equal(answer.choices[0].finish_reason, "tool_calls")
        call = answer.choices[0].message.tool_calls[0]
        deltas = [chunk.choices[0].delta for chunk in self.chunks(place, question, tools=[self.tool]) if chunk.choices]
        parts = [part for delta in deltas for part in delta.tool_calls or []]
        equal("".join(part.function.arguments or "" for part in parts), call.function.arguments)
        equal(json.loads(call.function.arguments), {"city": "simulated city"})
        messages = [
            {"role": "user", "content": question},
            answer.choices[0].message.model_dump(exclude_none=True, include={"role", "tool_calls"}),
            {"role": "tool", "tool_call_id": call.id, "content": "rain"},
        ]
        told = openai_client.chat.completions.create(model=place["model"], messages=messages, tools=[self.tool])
        includes(told.choices[0].message.content, "get_weather returned: “rain”")

    def shape(self, place):
        format = {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": schema}}
        answer = self.ask(place, "Where?", response_format=format)
        equal(json.loads(answer.choices[0].message.content), {"city": "simulated city"})

    def image(self, place):
        url = f"data:image/png;base64,{image}"
        answer = self.ask(place, [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": url}}])
        includes(answer.choices[0].message.content, "1 × image_url")

    def reasoning(self, place):
        answer = self.ask(place, asked["thought"], reasoning_effort="low")
        if place["showsThoughts"]:
            equal(answer.choices[0].message.reasoning_content, thought)
        else:
            equal(answer.usage.completion_tokens_details.reasoning_tokens, 7)
        equal(answer.usage.completion_tokens, 12)

    def usage(self, place):
        whole = self.ask(place, asked["text"]).usage
        last = self.chunks(place, asked["text"])[-1]
        equal(last.choices, [])
        for usage in [whole, last.usage]:
            equal([usage.prompt_tokens, usage.completion_tokens], [told["promptTokens"], 12])

    def error(self, place):
        rejects(lambda: self.ask(place, asked["refused"]), openai.RateLimitError)

    def abort(self, place):
        with self.ask(place, asked["endless"], stream=True) as stream:
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    return
        raise AssertionError("nothing came")


class Responses:
    package, name = "openai", "responses"
    tool = {"type": "function", "name": "get_weather", "parameters": schema, "strict": True}

    def ask(self, place, content, **more):
        return openai_client.responses.create(model=place["model"], input=content, **more)

    def streamed(self, place, content, **more):
        with openai_client.responses.stream(model=place["model"], input=content, **more) as stream:
            return stream.get_final_response()

    def text(self, place):
        response = self.ask(place, asked["text"])
        equal([response.model, response.status], [place["model"], "completed"])
        includes(response.output_text, "This is a simulated answer")

    def stream(self, place):
        equal(self.streamed(place, asked["text"]).output_text, self.ask(place, asked["text"]).output_text)

    def tools(self, place):
        for ask in [self.ask, self.streamed]:
            response = ask(place, "Please get_weather", tools=[self.tool])
            call = next(item for item in response.output if item.type == "function_call")
            result = [{"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
            answer = self.ask(place, result, tools=[self.tool], previous_response_id=response.id)
            includes(answer.output_text, "get_weather returned: “rain”")

    def shape(self, place):
        format = {"type": "json_schema", "name": "place", "strict": True, "schema": schema}
        equal(json.loads(self.ask(place, "Where?", text={"format": format}).output_text), {"city": "simulated city"})

    def reasoning(self, place):
        for ask in [self.ask, self.streamed]:
            response = ask(place, asked["thought"], reasoning={"effort": "low", "summary": "auto"})
            thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
            if place["showsThoughts"]:
                equal(thoughts, [thought])
            equal(response.usage.output_tokens, 12)

    def usage(self, place):
        for ask in [self.ask, self.streamed]:
            usage = ask(place, asked["text"]).usage
            equal([usage.input_tokens, usage.output_tokens], [told["promptTokens"], 12])

    def error(self, place):
        rejects(lambda: self.ask(place, asked["refused"]), openai.RateLimitError)


class Embeddings:
    package, name = "openai", "embeddings"

    def ask(self, place, texts, **more):
        return openai_client.embeddings.create(model=place["vectorModel"], input=texts, **more)

    def vectors(self, place):
        answer = self.ask(place, ["a cat", "a dog"], dimensions=8)
        equal([len(item.embedding) for item in answer.data], [8, 8])

    def usage(self, place):
        equal(self.ask(place, ["a cat", "a dog"]).usage.prompt_tokens, 4)

    def error(self, place):
        rejects(lambda: self.ask(place, asked["refused"]), openai.RateLimitError)


class Messages:
    package, name = "anthropic", "messages"
    tool = {"name": "get_weather", "input_schema": schema}

    def args(self, place, content, more):
        messages = [{"role": "user", "content": content}]
        return {"model": place["model"], "max_tokens": 8000, "messages": messages, **more}

    def ask(self, place, content, **more):
        return anthropic_client.messages.create(**self.args(place, content, more))

    def streamed(self, place, content, **more):
        with anthropic_client.messages.stream(**self.args(place, content, more)) as stream:
            return stream.get_final_message()

    def said(self, message):
        return "".join(block.text for block in message.content if block.type == "text")

    def text(self, place):
        message = self.ask(place, asked["text"])
        equal([message.model, message.stop_reason], [place["model"], "end_turn"])
        includes(self.said(message), "This is a simulated answer")

    def stream(self, place):
        equal(self.said(self.streamed(place, asked["text"])), self.said(self.ask(place, asked["text"])))

    def tools(self, place):
        for ask in [self.ask, self.streamed]:
            message = ask(place, "Please get_weather", tools=[self.tool])
            use = next(block for block in message.content if block.type == "tool_use")
            equal([use.name, use.input, message.stop_reason], ["get_weather", {"city": "simulated city"}, "tool_use"])
            messages = [
                {"role": "user", "content": "Please get_weather"},
                {"role": "assistant", "content": message.content},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "rain"}]},
            ]
            includes(self.said(self.ask(place, "", messages=messages, tools=[self.tool])), "returned: “rain”")

    def shape(self, place):
        format = {"type": "json_schema", "schema": schema}
        message = self.ask(place, "Where?", output_config={"format": format})
        equal(json.loads(self.said(message)), {"city": "simulated city"})

    def image(self, place):
        source = {"type": "base64", "media_type": "image/png", "data": image}
        message = self.ask(place, [{"type": "text", "text": "Look."}, {"type": "image", "source": source}])
        includes(self.said(message), "1 × image_url")

    def reasoning(self, place):
        for ask in [self.ask, self.streamed]:
            message = ask(place, asked["thought"], thinking={"type": "enabled", "budget_tokens": 1024})
            if place["showsThoughts"]:
                equal(message.content[0].thinking, thought)
            equal(message.usage.output_tokens, 12)

    def usage(self, place):
        for ask in [self.ask, self.streamed]:
            usage = ask(place, asked["text"]).usage
            equal([usage.input_tokens, usage.output_tokens], [told["promptTokens"], 12])

    def error(self, place):
        rejects(lambda: self.ask(place, asked["refused"]), anthropic.RateLimitError)

    def abort(self, place):
        with self.ask(place, asked["endless"], stream=True) as stream:
            for event in stream:
                if event.type == "content_block_delta":
                    return
        raise AssertionError("nothing came")

    def count(self, place):
        messages = [{"role": "user", "content": "How many are these?"}]
        counted = anthropic_client.messages.count_tokens(model=place["model"], messages=messages).input_tokens
        equal(counted, self.ask(place, "", messages=messages).usage.input_tokens)


class Contents:
    package, name = "google-genai", "generateContent"
    tool = google.Tool(
        function_declarations=[google.FunctionDeclaration(name="get_weather", parameters_json_schema=schema)]
    )

    def ask(self, place, contents, **config):
        # It would call functions by itself.
        off = google.AutomaticFunctionCallingConfig(disable=True)
        config = google.GenerateContentConfig(automatic_function_calling=off, **config)
        return google_client.models.generate_content(model=place["model"], contents=contents, config=config)

    def pieces(self, place, contents, **config):
        config = google.GenerateContentConfig(**config)
        return list(google_client.models.generate_content_stream(model=place["model"], contents=contents, config=config))

    def parts(self, answers):
        contents = [answer.candidates[0].content for answer in answers if answer.candidates]
        return [part for content in contents if content for part in content.parts or []]

    def said(self, answers):
        return "".join(part.text or "" for part in self.parts(answers) if not part.thought)

    def text(self, place):
        answer = self.ask(place, asked["text"])
        equal([answer.model_version, answer.candidates[0].finish_reason.name], [place["model"], "STOP"])
        includes(answer.text, "This is a simulated answer")

    def stream(self, place):
        pieces = self.pieces(place, asked["text"])
        equal(self.said(pieces), self.ask(place, asked["text"]).text)
        equal(pieces[-1].candidates[0].finish_reason.name, "STOP")

    def tools(self, place):
        question = "Please get_weather"
        for answers in [[self.ask(place, question, tools=[self.tool])], self.pieces(place, question, tools=[self.tool])]:
            told = next(part for part in self.parts(answers) if part.function_call)
            call = told.function_call
            equal([call.name, call.args], ["get_weather", {"city": "simulated city"}])
            result = google.FunctionResponse(id=call.id, name=call.name, response={"output": "rain"})
            contents = [
                google.Content(role="user", parts=[google.Part(text=question)]),
                google.Content(role="model", parts=[told]),
                google.Content(role="user", parts=[google.Part(function_response=result)]),
            ]
            includes(self.ask(place, contents, tools=[self.tool]).text, "returned: “rain”")

    def shape(self, place):
        answer = self.ask(place, "Where?", response_mime_type="application/json", response_json_schema=schema)
        equal(json.loads(answer.text), {"city": "simulated city"})

    def image(self, place):
        picture = google.Part.from_bytes(data=base64.b64decode(image), mime_type="image/png")
        includes(self.ask(place, ["Look.", picture]).text, "1 × image_url")

    def reasoning(self, place):
        thinking = google.ThinkingConfig(include_thoughts=True)
        for answers in [
            [self.ask(place, asked["thought"], thinking_config=thinking)],
            self.pieces(place, asked["thought"], thinking_config=thinking),
        ]:
            shown = "".join(part.text or "" for part in self.parts(answers) if part.thought)
            usage = answers[-1].usage_metadata
            if place["showsThoughts"]:
                equal(shown, thought)
            else:
                equal(usage.thoughts_token_count, 7)
            equal((usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0), 12)

    def usage(self, place):
        for answer in [self.ask(place, asked["text"]), self.pieces(place, asked["text"])[-1]]:
            usage = answer.usage_metadata
            equal([usage.prompt_token_count, usage.candidates_token_count], [told["promptTokens"], 12])

    def error(self, place):
        rejects(lambda: self.ask(place, asked["refused"]), google_errors.ClientError)

    def abort(self, place):
        stream = google_client.models.generate_content_stream(model=place["model"], contents=asked["endless"])
        for piece in stream:
            if piece.text:
                stream.close()
                return
        raise AssertionError("nothing came")

    def count(self, place):
        contents = "How many are these?"
        counted = google_client.models.count_tokens(model=place["model"], contents=contents).total_tokens
        equal(counted, self.ask(place, contents).usage_metadata.prompt_token_count)

    def vectors(self, place):
        config = google.EmbedContentConfig(output_dimensionality=8)
        ask = google_client.models.embed_content
        # It takes several for one where the model's name is of Gemini's second generation.
        [first] = ask(model=place["vectorModel"], contents="a cat", config=config).embeddings
        [second] = ask(model=place["vectorModel"], contents="a dog", config=config).embeddings
        equal([len(first.values), len(second.values), first.values == second.values], [8, 8, False])


for client in [Chat(), Responses(), Embeddings(), Messages(), Contents()]:
    for place in told["places"]:
        if client.name == "embeddings" and place["vectorModel"] is None:
            continue
        for feature in told["features"]:
            if not hasattr(client, feature) or (feature == "vectors" and place["vectorModel"] is None):
                continue
            tried = {"package": client.package, "name": client.name, "vendor": place["vendor"], "feature": feature}
            try:
                getattr(client, feature)(place)
                print(json.dumps(tried), flush=True)
            except Exception:
                print(json.dumps({**tried, "error": traceback.format_exc()}), flush=True)
